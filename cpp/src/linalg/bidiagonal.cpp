#include "htmu/linalg/bidiagonal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "htmu/common/errors.hpp"
#include "htmu/common/lockstep.hpp"
#include "htmu/linalg/lapack_drivers.hpp"
#include "htmu/linalg/lockstep_bidiagonal.hpp"
#include "htmu/linalg/rows.hpp"
#include "htmu/linalg/sturm.hpp"

namespace htmu {
namespace {

/// The matrices of one call, and where their singular values go.
struct BidiagonalBatch {
    Index batch, n;
    ConstSpan d, e;
    Finiteness finiteness;
    Index first, last;  // of the ascending order
    Span singular_values;

    [[nodiscard]] Index n_wanted() const { return last - first + 1; }
    [[nodiscard]] ConstSpan diagonal(Index row) const { return row_of(d, row, n); }
    [[nodiscard]] ConstSpan off_diagonal(Index row) const { return row_of(e, row, n - 1); }
    [[nodiscard]] Span result(Index row) const { return row_of(singular_values, row, n_wanted()); }

    /// Whether matrix number `row` is finite. If not: throws, or fills its result with NaN.
    [[nodiscard]] bool finite(Index row) const {
        if (finiteness == Finiteness::require) {
            require_finite(diagonal(row), "matrix", row);
            require_finite(off_diagonal(row), "matrix", row);
            return true;
        }
        if (all_finite(diagonal(row)) && all_finite(off_diagonal(row))) return true;
        const Span out = result(row);
        std::fill(out.begin(), out.end(), std::numeric_limits<double>::quiet_NaN());
        return false;
    }
};

/// Exponents of the largest and of the smallest entry that is not 0.
struct Magnitudes {
    int largest = 0, smallest = 0;

    Magnitudes(ConstSpan d, ConstSpan e) {
        double most = 0.0, least = std::numeric_limits<double>::infinity();
        for (const ConstSpan part : {d, e}) {
            for (const double entry : part) {
                const double size = std::fabs(entry);
                most = std::max(most, size);
                if (size > 0.0) least = std::min(least, size);
            }
        }
        if (most > 0.0) {
            largest = std::ilogb(most);
            smallest = std::ilogb(least);
        }
    }
    /// Whether the squares of the entries, divided by the largest, are 0 or well above underflow.
    [[nodiscard]] bool squares_are_safe() const { return largest - smallest < 465; }
};

struct SingularWorkspace {
    LockstepWorkspace squares;
    BidiagonalWorkspace spectra;
    LapackWorkspace lapack;
    std::vector<double> q, e, values;
};

/// Squares of the entries times 2^-exponent, `stride` apart.
void square(ConstSpan entries, int exponent, Index stride, double* to) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const double entry = std::scalbn(entries[i], -exponent);
        to[static_cast<Index>(i) * stride] = entry * entry;
    }
}

/// Singular values, descending, from ascending eigenvalues of B B^T that lie `stride` apart.
void take_roots(const double* eigenvalues, Index stride, int exponent, Span singular_values) {
    const auto count = static_cast<Index>(singular_values.size());
    for (Index i = 0; i < count; ++i) {
        singular_values[static_cast<std::size_t>(i)] =
            std::scalbn(std::sqrt(eigenvalues[(count - 1 - i) * stride]), exponent);
    }
}

void run_lasq1(const BidiagonalBatch& matrices, Index row, SingularWorkspace& workspace) {
    workspace.values.resize(static_cast<std::size_t>(matrices.n));
    lasq1_singular_values(matrices.diagonal(row), matrices.off_diagonal(row), workspace.lapack,
                          workspace.values);
    std::copy_n(workspace.values.begin() + (matrices.n - 1 - matrices.last), matrices.n_wanted(),
                matrices.result(row).begin());
}

void run_sturm(const BidiagonalBatch& matrices, Index row, const RunControl& control,
               SingularWorkspace& workspace) {
    const ConstSpan d = matrices.diagonal(row), e = matrices.off_diagonal(row);
    const Magnitudes magnitudes(d, e);
    if (!magnitudes.squares_are_safe()) return run_lasq1(matrices, row, workspace);
    workspace.q.resize(d.size());
    workspace.e.resize(e.size());
    workspace.values.resize(static_cast<std::size_t>(matrices.n_wanted()));
    square(d, magnitudes.largest, 1, workspace.q.data());
    square(e, magnitudes.largest, 1, workspace.e.data());
    bidiagonal_eigenvalues(workspace.q, workspace.e, matrices.first, matrices.last, control,
                           workspace.spectra.sturm, workspace.values);
    take_roots(workspace.values.data(), 1, magnitudes.largest, matrices.result(row));
}

/// Matrices first .. first + count - 1 side by side; those that cannot be are left to lasq1.
void run_group(const BidiagonalBatch& matrices, Index first, Index count,
               SingularWorkspace& workspace) {
    const Index n = matrices.n;
    double* q = workspace.squares.rows(3 * n);
    double* e = q + n * lockstep_lanes;
    double* eigenvalues = e + n * lockstep_lanes;
    std::fill(q, eigenvalues, 0.0);
    std::vector<Index> rows;
    std::vector<int> exponents;
    for (Index row = first; row < first + count; ++row) {
        if (!matrices.finite(row)) continue;
        const Magnitudes magnitudes(matrices.diagonal(row), matrices.off_diagonal(row));
        if (!magnitudes.squares_are_safe()) {
            run_lasq1(matrices, row, workspace);
            continue;
        }
        const auto lane = static_cast<Index>(rows.size());
        square(matrices.diagonal(row), magnitudes.largest, lockstep_lanes, q + lane);
        square(matrices.off_diagonal(row), magnitudes.largest, lockstep_lanes, e + lane);
        rows.push_back(row);
        exponents.push_back(magnitudes.largest);
    }
    if (rows.empty()) return;
    lockstep_bidiagonal_spectra(n, static_cast<Index>(rows.size()), q, e, workspace.spectra,
                                eigenvalues);
    for (std::size_t lane = 0; lane < rows.size(); ++lane) {
        take_roots(eigenvalues + lane, lockstep_lanes, exponents[lane],
                   matrices.result(rows[lane]));
    }
}

/// solve(row, control, workspace), one matrix at a time. A single one is given all threads.
template <class Solve>
void run_each(const BidiagonalBatch& matrices, const RunControl& control, const Solve& solve) {
    std::vector<SingularWorkspace> workspaces(thread_slots(control));
    if (matrices.batch == 1) {
        if (matrices.finite(0)) solve(0, control, workspaces.front());
        return;
    }
    RunControl alone;
    alone.cancel = control.cancel;
    for_each_row(matrices.batch, 10.0 * spectrum_cost(matrices.n), control,
                 [&](Index row, std::size_t worker) {
                     if (matrices.finite(row)) solve(row, alone, workspaces[worker]);
                 });
}

}  // namespace

void bidiagonal_singular_values_batch(Index batch, Index n, ConstSpan d, ConstSpan e,
                                      BidiagonalDriver driver, const EigenvalueRange& range,
                                      Finiteness finiteness, const RunControl& control,
                                      Span singular_values) {
    const bool all = range.kind == EigenvalueRange::Kind::all;
    const BidiagonalBatch matrices{batch,
                                   n,
                                   d,
                                   e,
                                   finiteness,
                                   all ? 0 : range.first_index,
                                   all ? n - 1 : range.last_index,
                                   singular_values};
    if (driver == BidiagonalDriver::automatic) {
        const bool few = driver_for_all(batch, n) == TridiagonalDriver::sturm;
        driver = few || !all ? BidiagonalDriver::sturm : BidiagonalDriver::qr;
    }
    if (!all && driver == BidiagonalDriver::qr) {
        throw InvalidInput("only the drivers 'auto' and 'sturm' compute a range");
    }
    if (driver == BidiagonalDriver::qr) {
        std::vector<SingularWorkspace> workspaces(thread_slots(control));
        for_each_row((batch + lockstep_lanes - 1) / lockstep_lanes,
                     2.0 * spectrum_cost(n) * static_cast<double>(lockstep_lanes), control,
                     [&](Index group, std::size_t worker) {
                         const Index first = group * lockstep_lanes;
                         run_group(matrices, first, std::min(lockstep_lanes, batch - first),
                                   workspaces[worker]);
                     });
        return;
    }
    run_each(matrices, control,
             [&](Index row, const RunControl& inner, SingularWorkspace& workspace) {
                 if (driver == BidiagonalDriver::lasq1) return run_lasq1(matrices, row, workspace);
                 run_sturm(matrices, row, inner, workspace);
             });
}

void log_bidiagonal_eigenvalues_batch(Index batch, Index n, ConstSpan log_q, ConstSpan log_e,
                                      const RunControl& control, Span log_eigenvalues) {
    std::vector<SturmWorkspace> workspaces(thread_slots(control));
    const auto solve = [&](Index row, std::size_t worker, const RunControl& inner) {
        log_bidiagonal_eigenvalues(row_of(log_q, row, n), row_of(log_e, row, n - 1), inner,
                                   workspaces[worker], row_of(log_eigenvalues, row, n));
    };
    if (batch == 1) return solve(0, 0, control);
    RunControl alone;
    alone.cancel = control.cancel;
    for_each_row(batch, 100.0 * spectrum_cost(n), control,
                 [&](Index row, std::size_t worker) { solve(row, worker, alone); });
}

}  // namespace htmu
