#include "htmu/linalg/tridiagonal.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "htmu/common/errors.hpp"
#include "htmu/common/lockstep.hpp"
#include "htmu/linalg/lapack_drivers.hpp"
#include "htmu/linalg/lockstep_qr.hpp"
#include "htmu/linalg/rows.hpp"
#include "htmu/linalg/sturm.hpp"
#include "matrix_batch.hpp"

namespace htmu {
namespace {

void run_lockstep(const MatrixBatch& matrices, const RunControl& control) {
    const Index n = matrices.n;
    const Index n_groups = (matrices.batch + lockstep_lanes - 1) / lockstep_lanes;
    std::vector<LockstepWorkspace> workspaces(thread_slots(control));
    const WorkerControls controls(control);
    for_each_row(n_groups, spectrum_cost(n) * static_cast<double>(lockstep_lanes), controls.team(),
                 [&](Index group, std::size_t worker) {
                     const Index first = group * lockstep_lanes;
                     const Index count = std::min(lockstep_lanes, matrices.batch - first);
                     // A matrix that is not finite gives NaN, and leaves the others alone.
                     for (Index row = first; row < first + count; ++row) {
                         if (matrices.finiteness == Finiteness::require) {
                             static_cast<void>(matrices.finite(row));
                         }
                     }
                     if (!lockstep_tridiagonal_eigenvalues(
                             count, n, matrices.d.data() + first * n, n,
                             matrices.e.data() + first * (n - 1), n - 1, controls[worker],
                             workspaces[worker], matrices.results.data() + first * n, n)) {
                         throw ConvergenceFailure(
                             "the QR iteration did not converge for a matrix among numbers " +
                             std::to_string(first) + " to " + std::to_string(first + count - 1) +
                             "; try driver 'sturm'");
                     }
                 });
}

[[noreturn]] void refuse_range() {
    throw InvalidInput(
        "only the drivers 'auto', 'sturm' and 'stebz' compute a range of eigenvalues");
}

}  // namespace

TridiagonalDriver driver_for_all(Index batch, Index n) noexcept {
    // Measured: a group of up to 8 matrices in lockstep takes as long as one, about a microsecond
    // and 12 ns n^2; by Sturm counts one takes 2 ns n^2 and some overhead for small n.
    constexpr Index few = 8;
    constexpr Index small = 24;
    // 32 larger matrices leave the cache far behind.
    constexpr Index large = 16384;
    return (batch < few && n > small) || n > large ? TridiagonalDriver::sturm
                                                   : TridiagonalDriver::qr;
}

double spectrum_cost(Index n) noexcept {
    const auto size = static_cast<double>(n);
    return 30.0 + 15.0 * size + 0.6 * size * size;
}

void tridiagonal_eigenvalues_batch(Index batch, Index n, ConstSpan d, ConstSpan e,
                                   TridiagonalDriver driver, const EigenvalueRange& range,
                                   Finiteness finiteness, const RunControl& control,
                                   Span eigenvalues) {
    if (range.kind == EigenvalueRange::Kind::values) {
        throw InvalidInput(
            "a range by values needs a single matrix, for the number of eigenvalues differs "
            "between matrices; pass one matrix at a time");
    }
    const bool all = range.kind == EigenvalueRange::Kind::all;
    const Index first = all ? 0 : range.first_index;
    const Index last = all ? n - 1 : range.last_index;
    const MatrixBatch matrices{batch, n, d, e, finiteness, first, last, eigenvalues};
    if (driver == TridiagonalDriver::automatic) {
        driver = all ? driver_for_all(batch, n) : TridiagonalDriver::sturm;
    }
    switch (driver) {
        case TridiagonalDriver::automatic:
        case TridiagonalDriver::qr:
            if (!all) refuse_range();
            return run_lockstep(matrices, control);
        case TridiagonalDriver::sturm:
            return for_each_matrix<SturmWorkspace>(
                matrices, control,
                [&](Index row, SturmWorkspace& workspace, const RunControl& inner) {
                    tridiagonal_eigenvalues_by_sturm(matrices.diagonal(row),
                                                     matrices.off_diagonal(row), first, last, inner,
                                                     workspace, matrices.result(row));
                });
        case TridiagonalDriver::stebz:
            return for_each_matrix<LapackWorkspace>(
                matrices, control, [&](Index row, LapackWorkspace& workspace, const RunControl&) {
                    stebz_eigenvalues(matrices.diagonal(row), matrices.off_diagonal(row), range,
                                      workspace, matrices.result(row));
                });
        case TridiagonalDriver::sterf:
        case TridiagonalDriver::stemr:
            if (!all) refuse_range();
            return for_each_matrix<LapackWorkspace>(
                matrices, control, [&](Index row, LapackWorkspace& workspace, const RunControl&) {
                    (driver == TridiagonalDriver::sterf ? sterf_eigenvalues : stemr_eigenvalues)(
                        matrices.diagonal(row), matrices.off_diagonal(row), workspace,
                        matrices.result(row));
                });
    }
}

Index tridiagonal_eigenvalues_between(ConstSpan d, ConstSpan e, double lower, double upper,
                                      TridiagonalDriver driver, const RunControl& control,
                                      Span eigenvalues) {
    require_finite(d, "matrix", 0);
    require_finite(e, "matrix", 0);
    if (driver == TridiagonalDriver::stebz) {
        LapackWorkspace workspace;
        return stebz_eigenvalues(d, e, {EigenvalueRange::Kind::values, 0, 0, lower, upper},
                                 workspace, eigenvalues);
    }
    if (driver != TridiagonalDriver::automatic && driver != TridiagonalDriver::sturm) {
        refuse_range();
    }
    SturmWorkspace workspace;
    return tridiagonal_eigenvalues_between(d, e, lower, upper, control, workspace, eigenvalues);
}

}  // namespace htmu
