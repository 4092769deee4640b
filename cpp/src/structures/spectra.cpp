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
    std::vector<StructureWorkspace> workspaces(thread_slots(control));
    law.prepare(0, size);
    for_each_row(size, law.sample_cost(), control, [&](Index row, std::size_t worker) {
        StructureWorkspace& workspace = workspaces[worker];
        workspace.controls.resize(n_controls);
        const Span spectrum = row_of(eigenvalues, row, law.matrix_size());
        law.sample(key, static_cast<std::uint64_t>(row), workspace, spectrum, workspace.controls);
        std::sort(spectrum.begin(), spectrum.end());
    });
}

}  // namespace htmu
