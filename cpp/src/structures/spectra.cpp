#include "htmu/structures/spectra.hpp"

#include <algorithm>
#include <string>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/rows.hpp"

namespace htmu {

void draw_spectra(StructuredLaw& law, Index size, std::uint64_t seed, const RunControl& control,
                  Span eigenvalues) {
    if (size > law.available_samples()) {
        throw InvalidInput("size must be at most the number of samples held, " +
                           std::to_string(law.available_samples()) + ", got " +
                           std::to_string(size));
    }
    const StreamKey key(seed, Purpose::structure);
    const std::size_t n_controls = law.control_variates().size();
    const Index per_group = law.draws_per_group();
    const Index n = law.matrix_size();
    std::vector<StructureWorkspace> workspaces(thread_slots(control));
    law.prepare(0, size);
    const WorkerControls controls(control);
    for_each_row((size + per_group - 1) / per_group,
                 law.sample_cost() * static_cast<double>(per_group), controls.team(),
                 [&](Index group, std::size_t worker) {
                     const Index first = group * per_group;
                     const Index count = std::min(per_group, size - first);
                     StructureWorkspace& workspace = workspaces[worker];
                     workspace.control = controls[worker];
                     workspace.controls.resize(static_cast<std::size_t>(count) * n_controls);
                     const Span spectra = eigenvalues.subspan(static_cast<std::size_t>(first * n),
                                                              static_cast<std::size_t>(count * n));
                     law.sample(key, {static_cast<std::uint64_t>(first), count}, workspace, spectra,
                                workspace.controls);
                     for (Index row = 0; row < count; ++row) {
                         const Span spectrum = row_of(spectra, row, n);
                         std::sort(spectrum.begin(), spectrum.end());
                     }
                 });
}

}  // namespace htmu
