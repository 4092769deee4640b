#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "htmu/common/parallel.hpp"
#include "htmu/linalg/rows.hpp"
#include "htmu/linalg/tridiagonal.hpp"

namespace htmu {

/// The tridiagonal or bidiagonal matrices of one call, stored one after another, and where their
/// values of indices first..last (ascending) go.
struct MatrixBatch {
    Index batch, n;
    ConstSpan d, e;
    Finiteness finiteness;
    Index first, last;
    Span results;

    [[nodiscard]] Index n_wanted() const { return last - first + 1; }
    [[nodiscard]] ConstSpan diagonal(Index row) const { return row_of(d, row, n); }
    [[nodiscard]] ConstSpan off_diagonal(Index row) const { return row_of(e, row, n - 1); }
    [[nodiscard]] Span result(Index row) const { return row_of(results, row, n_wanted()); }

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

/// solve(row, workspace, control), one finite matrix at a time. A single one is given all threads.
template <class Workspace, class Solve>
void for_each_matrix(const MatrixBatch& matrices, const RunControl& control, const Solve& solve) {
    if (matrices.batch == 1) {
        Workspace workspace;
        if (matrices.finite(0)) solve(0, workspace, control);
        return;
    }
    std::vector<Workspace> workspaces(thread_slots(control));
    const WorkerControls controls(control);
    const double cost = 10.0 * spectrum_cost(matrices.n) *
                        static_cast<double>(matrices.n_wanted()) / static_cast<double>(matrices.n);
    for_each_row(matrices.batch, cost, controls.team(), [&](Index row, std::size_t worker) {
        if (matrices.finite(row)) solve(row, workspaces[worker], controls[worker]);
    });
}

}  // namespace htmu
