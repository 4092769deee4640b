#include "htmu/linalg/lockstep_bidiagonal.hpp"

#include <array>

#include "htmu/common/errors.hpp"

namespace htmu {
namespace {

void load_lane(Index n_rows, const double* lane, std::vector<double>& values) {
    values.resize(static_cast<std::size_t>(n_rows));
    for (Index i = 0; i < n_rows; ++i) {
        values[static_cast<std::size_t>(i)] = lane[i * lockstep_lanes];
    }
}

/// Eigenvalues 0 .. count - 1 of one lane by Sturm counts.
void solve_lane(Index n, Index count, const double* q, const double* e, const RunControl& control,
                BidiagonalWorkspace& workspace, double* eigenvalues) {
    load_lane(n, q, workspace.q);
    load_lane(n - 1, e, workspace.e);
    workspace.eigenvalues.resize(static_cast<std::size_t>(count));
    bidiagonal_eigenvalues(workspace.q, workspace.e, 0, count - 1, control, workspace.sturm,
                           workspace.eigenvalues);
    for (Index i = 0; i < count; ++i) {
        eigenvalues[i * lockstep_lanes] = workspace.eigenvalues[static_cast<std::size_t>(i)];
    }
    // A close neighbour by the other method may be smaller by the rounding.
    for (Index i = count; i < n; ++i) {
        double& value = eigenvalues[i * lockstep_lanes];
        const double before = eigenvalues[(i - 1) * lockstep_lanes];
        if (value >= before) break;
        value = before;
    }
}

}  // namespace

void lockstep_bidiagonal_spectra(Index n, Index lanes, const double* q, const double* e,
                                 const RunControl& control, BidiagonalWorkspace& workspace,
                                 double* eigenvalues) {
    std::array<Index, lockstep_lanes> uncertain{};
    lockstep_bidiagonal_eigenvalues(n, lanes, q, e, workspace.lockstep, eigenvalues,
                                    uncertain.data(), control);
    for (Index lane = 0; lane < lanes; ++lane) {
        const Index count = uncertain[static_cast<std::size_t>(lane)];
        if (count > 0)
            solve_lane(n, count, q + lane, e + lane, control, workspace, eigenvalues + lane);
    }
}

void require_converged(std::uint32_t failed_lanes) {
    if (failed_lanes != 0) {
        throw ConvergenceFailure(
            "the QR iteration did not converge for one of the matrices; try driver 'sturm'");
    }
}

}  // namespace htmu
