#include "htmu/linalg/bidiagonal.hpp"

#include <algorithm>
#include <string>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/rows.hpp"

namespace htmu {

void bidiagonal_singular_values(ConstSpan d, ConstSpan e, SpectrumWorkspace& workspace,
                                Span singular_values) {
    auto n = static_cast<LapackInt>(d.size());
    if (n == 0) return;
    std::copy(d.begin(), d.end(), singular_values.begin());
    workspace.off_diagonal.assign(e.begin(), e.end());
    workspace.off_diagonal.push_back(0.0);  // lasq1 uses n entries
    workspace.work.resize(static_cast<std::size_t>(4 * n));
    LapackInt info = 0;
    lapack().lasq1(&n, singular_values.data(), workspace.off_diagonal.data(), workspace.work.data(),
                   &info);
    if (info != 0) {
        throw ConvergenceFailure("LAPACK lasq1 failed with info = " + std::to_string(info) +
                                 "; check the scale of the matrix");
    }
}

void bidiagonal_singular_values_batch(Index batch, Index n, ConstSpan d, ConstSpan e,
                                      const RunControl& control, Span singular_values) {
    std::vector<SpectrumWorkspace> workspaces(thread_slots(control));
    for_each_row(batch, spectrum_cost(n), control, [&](Index row, std::size_t worker) {
        const ConstSpan row_d = row_of(d, row, n), row_e = row_of(e, row, n - 1);
        require_finite(row_d, "matrix", row);
        require_finite(row_e, "matrix", row);
        bidiagonal_singular_values(row_d, row_e, workspaces[worker],
                                   row_of(singular_values, row, n));
    });
}

}  // namespace htmu
