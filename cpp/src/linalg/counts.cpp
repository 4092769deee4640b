#include "htmu/linalg/counts.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "htmu/linalg/rows.hpp"
#include "htmu/linalg/sturm.hpp"

namespace htmu {

namespace {

struct CountWorkspace {
    SturmWorkspace sturm;
    std::vector<double> diagonal, squares, points;
    std::vector<Index> counts;
};

void scaled_copy(ConstSpan from, int exponent, std::vector<double>& to) {
    to.resize(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) to[i] = std::scalbn(from[i], exponent);
}

/// Scales the matrix to a norm near 1, so that squares neither overflow nor lose what counts.
void count_row(ConstSpan d, ConstSpan e, ConstSpan points, const RunControl& control,
               CountWorkspace& workspace, std::span<std::int64_t> counts) {
    double largest = 0.0;
    for (const double value : d) largest = std::max(largest, std::fabs(value));
    for (const double value : e) largest = std::max(largest, std::fabs(value));
    const int exponent = largest > 0.0 ? -std::ilogb(largest) : 0;
    scaled_copy(d, exponent, workspace.diagonal);
    scaled_copy(e, exponent, workspace.squares);
    scaled_copy(points, exponent, workspace.points);
    for (double& value : workspace.squares) value *= value;
    workspace.counts.resize(points.size());
    count_tridiagonal(workspace.diagonal, workspace.squares, workspace.points, control,
                      workspace.sturm, workspace.counts);
    std::copy(workspace.counts.begin(), workspace.counts.end(), counts.begin());
}

}  // namespace

void count_eigenvalues_batch(Index batch, Index n, ConstSpan d, ConstSpan e, ConstSpan points,
                             const RunControl& control, std::span<std::int64_t> counts) {
    const std::size_t m = points.size();
    std::vector<CountWorkspace> workspaces(thread_slots(control));
    const auto run = [&](Index row, std::size_t worker, const RunControl& inner) {
        const ConstSpan row_d = row_of(d, row, n), row_e = row_of(e, row, n - 1);
        require_finite(row_d, "matrix", row);
        require_finite(row_e, "matrix", row);
        count_row(row_d, row_e, points, inner, workspaces[worker],
                  counts.subspan(static_cast<std::size_t>(row) * m, m));
    };
    if (batch == 1) return run(0, 0, control);
    const WorkerControls controls(control);
    const double cost = 100.0 + 0.3 * static_cast<double>(n) * static_cast<double>(m);
    for_each_row(batch, cost, controls.team(),
                 [&](Index row, std::size_t worker) { run(row, worker, controls[worker]); });
}

}  // namespace htmu
