#include "htmu/structures/spectra.hpp"

#include <algorithm>
#include <string>

#include "htmu/common/errors.hpp"

namespace htmu {

void draw_spectra(StructuredLaw& law, Index size, std::uint64_t seed, const RunControl& control,
                  Span eigenvalues) {
    if (size > law.available_samples()) {
        throw InvalidInput("size must be at most the number of samples held, " +
                           std::to_string(law.available_samples()) + ", got " +
                           std::to_string(size));
    }
    const StreamKey key(seed, Purpose::structure);
    const auto n = static_cast<std::size_t>(law.matrix_size());
    const auto per_item = static_cast<Index>(std::clamp(1e5 / law.sample_cost(), 1.0, 1024.0));
    const Index n_items = (size + per_item - 1) / per_item;
    const auto n_workers = static_cast<std::size_t>(worker_count(n_items, control));
    std::vector<StructureWorkspace> workspaces(n_workers);
    law.prepare(0, size);
    parallel_for(n_items, control, [&](Index item, int worker) {
        StructureWorkspace& workspace = workspaces[static_cast<std::size_t>(worker)];
        std::vector<double> controls(law.control_variates().size());
        const Index last = std::min(size, (item + 1) * per_item);
        for (Index k = item * per_item; k < last; ++k) {
            const Span row = eigenvalues.subspan(static_cast<std::size_t>(k) * n, n);
            law.sample(key, static_cast<std::uint64_t>(k), workspace, row, controls);
            std::sort(row.begin(), row.end());
        }
    });
}

}  // namespace htmu
