#include "htmu/linalg/bidiagonal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "htmu/common/errors.hpp"
#include "htmu/common/lockstep.hpp"
#include "htmu/linalg/lapack_drivers.hpp"
#include "htmu/linalg/lockstep_bidiagonal.hpp"
#include "htmu/linalg/sturm.hpp"
#include "matrix_batch.hpp"

namespace htmu {
namespace {

/// Exponents of the largest entry, and of the smallest of each diagonal that is not 0.
struct Magnitudes {
    int largest = 0, smallest_diagonal = 0, smallest_off_diagonal = 0;

    Magnitudes(ConstSpan d, ConstSpan e) {
        constexpr double none = std::numeric_limits<double>::infinity();
        double most = 0.0, least_d = none, least_e = none;
        const auto scan = [&most](ConstSpan part, double& least) {
            for (const double entry : part) {
                const double size = std::fabs(entry);
                most = std::max(most, size);
                if (size > 0.0) least = std::min(least, size);
            }
        };
        scan(d, least_d);
        scan(e, least_e);
        if (most > 0.0) largest = std::ilogb(most);
        smallest_diagonal = least_d < none ? std::ilogb(least_d) : largest;
        smallest_off_diagonal = least_e < none ? std::ilogb(least_e) : largest;
    }
    /// Whether the squares of the diagonal, divided by the largest, are 0 or well above underflow.
    [[nodiscard]] bool diagonal_is_safe() const { return largest - smallest_diagonal < 465; }
    /// Whether squares of the off-diagonal, divided by the largest, lose digits or vanish.
    [[nodiscard]] bool loses_off_diagonals() const { return largest - smallest_off_diagonal > 505; }
};

struct SingularWorkspace {
    LockstepWorkspace squares;
    BidiagonalWorkspace spectra;
    LapackWorkspace lapack;
    std::vector<double> q, e, values;
};

/// Whether eigenvalues of B B^T, divided by its norm and `stride` apart, may be wrong for the sake
/// of underflow: more of them vanish than zeros on the diagonal explain; or off-diagonals were
/// lost, below 2^-505 of the norm, which moves singular values by as much, and these are not far
/// above.
bool suffer_from_underflow(const Magnitudes& magnitudes, ConstSpan diagonal,
                           const double* eigenvalues, Index stride, Index count) {
    constexpr double least = 0x1p-930, least_with_losses = 0x1p-890;
    if (magnitudes.loses_off_diagonals() && eigenvalues[0] < least_with_losses) return true;
    Index n_small = 0;
    while (n_small < count && eigenvalues[n_small * stride] < least) ++n_small;
    return n_small > 0 && n_small > std::count(diagonal.begin(), diagonal.end(), 0.0);
}

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

void run_lasq1(const MatrixBatch& matrices, Index row, SingularWorkspace& workspace) {
    workspace.values.resize(static_cast<std::size_t>(matrices.n));
    lasq1_singular_values(matrices.diagonal(row), matrices.off_diagonal(row), workspace.lapack,
                          workspace.values);
    std::copy_n(workspace.values.begin() + (matrices.n - 1 - matrices.last), matrices.n_wanted(),
                matrices.result(row).begin());
}

void run_sturm(const MatrixBatch& matrices, Index row, const RunControl& control,
               SingularWorkspace& workspace) {
    const ConstSpan d = matrices.diagonal(row), e = matrices.off_diagonal(row);
    const Magnitudes magnitudes(d, e);
    if (!magnitudes.diagonal_is_safe()) return run_lasq1(matrices, row, workspace);
    workspace.q.resize(d.size());
    workspace.e.resize(e.size());
    workspace.values.resize(static_cast<std::size_t>(matrices.n_wanted()));
    square(d, magnitudes.largest, 1, workspace.q.data());
    square(e, magnitudes.largest, 1, workspace.e.data());
    bidiagonal_eigenvalues(workspace.q, workspace.e, matrices.first, matrices.last, control,
                           workspace.spectra.sturm, workspace.values);
    if (suffer_from_underflow(magnitudes, d, workspace.values.data(), 1, matrices.n_wanted())) {
        return run_lasq1(matrices, row, workspace);
    }
    take_roots(workspace.values.data(), 1, magnitudes.largest, matrices.result(row));
}

/// Matrices first .. first + count - 1 side by side; those that cannot be are left to lasq1.
void run_group(const MatrixBatch& matrices, Index first, Index count, const RunControl& control,
               SingularWorkspace& workspace) {
    const Index n = matrices.n;
    double* q = workspace.squares.rows(3 * n);
    double* e = q + n * lockstep_lanes;
    double* eigenvalues = e + n * lockstep_lanes;
    std::fill(q, eigenvalues, 0.0);
    std::vector<Index> rows;
    std::vector<Magnitudes> magnitudes_of;
    for (Index row = first; row < first + count; ++row) {
        if (!matrices.finite(row)) continue;
        const Magnitudes magnitudes(matrices.diagonal(row), matrices.off_diagonal(row));
        if (!magnitudes.diagonal_is_safe()) {
            run_lasq1(matrices, row, workspace);
            continue;
        }
        const auto lane = static_cast<Index>(rows.size());
        square(matrices.diagonal(row), magnitudes.largest, lockstep_lanes, q + lane);
        square(matrices.off_diagonal(row), magnitudes.largest, lockstep_lanes, e + lane);
        rows.push_back(row);
        magnitudes_of.push_back(magnitudes);
    }
    if (rows.empty()) return;
    lockstep_bidiagonal_spectra(n, static_cast<Index>(rows.size()), q, e, control,
                                workspace.spectra, eigenvalues);
    for (std::size_t lane = 0; lane < rows.size(); ++lane) {
        const Magnitudes& magnitudes = magnitudes_of[lane];
        if (suffer_from_underflow(magnitudes, matrices.diagonal(rows[lane]), eigenvalues + lane,
                                  lockstep_lanes, n)) {
            run_lasq1(matrices, rows[lane], workspace);
            continue;
        }
        take_roots(eigenvalues + lane, lockstep_lanes, magnitudes.largest,
                   matrices.result(rows[lane]));
    }
}

}  // namespace

void bidiagonal_singular_values_batch(Index batch, Index n, ConstSpan d, ConstSpan e,
                                      BidiagonalDriver driver, const EigenvalueRange& range,
                                      Finiteness finiteness, const RunControl& control,
                                      Span singular_values) {
    const bool all = range.kind == EigenvalueRange::Kind::all;
    const MatrixBatch matrices{batch,
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
        const WorkerControls controls(control);
        for_each_row((batch + lockstep_lanes - 1) / lockstep_lanes,
                     2.0 * spectrum_cost(n) * static_cast<double>(lockstep_lanes), controls.team(),
                     [&](Index group, std::size_t worker) {
                         const Index first = group * lockstep_lanes;
                         run_group(matrices, first, std::min(lockstep_lanes, batch - first),
                                   controls[worker], workspaces[worker]);
                     });
        return;
    }
    for_each_matrix<SingularWorkspace>(
        matrices, control, [&](Index row, SingularWorkspace& workspace, const RunControl& inner) {
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
    const WorkerControls controls(control);
    for_each_row(batch, 100.0 * spectrum_cost(n), controls.team(),
                 [&](Index row, std::size_t worker) { solve(row, worker, controls[worker]); });
}

}  // namespace htmu
