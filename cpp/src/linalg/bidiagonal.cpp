#include "htmu/linalg/bidiagonal.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "htmu/common/errors.hpp"

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
    const Index rows_per_item = std::clamp<Index>(7000 / std::max<Index>(1, n * n), 1, 1024);
    const Index n_items = (batch + rows_per_item - 1) / rows_per_item;
    std::vector<SpectrumWorkspace> workspaces(
        static_cast<std::size_t>(worker_count(n_items, control)));
    parallel_for(n_items, control, [&](Index item, int worker) {
        const Index last = std::min(batch, (item + 1) * rows_per_item);
        for (Index row = item * rows_per_item; row < last; ++row) {
            const auto row_d =
                d.subspan(static_cast<std::size_t>(row * n), static_cast<std::size_t>(n));
            const auto row_e =
                e.subspan(static_cast<std::size_t>(row * (n - 1)), static_cast<std::size_t>(n - 1));
            const auto finite = [](double value) { return std::isfinite(value); };
            if (!std::all_of(row_d.begin(), row_d.end(), finite) ||
                !std::all_of(row_e.begin(), row_e.end(), finite)) {
                throw NonFinite("matrix " + std::to_string(row) +
                                " has an entry that is NaN or infinite; remove it or mend it");
            }
            bidiagonal_singular_values(row_d, row_e, workspaces[static_cast<std::size_t>(worker)],
                                       singular_values.subspan(static_cast<std::size_t>(row * n),
                                                               static_cast<std::size_t>(n)));
        }
    });
}

}  // namespace htmu
