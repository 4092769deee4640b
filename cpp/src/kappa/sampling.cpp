#include "htmu/kappa/sampling.hpp"

#include <algorithm>
#include <cmath>

namespace htmu {
namespace {

/// Target cost of a work item, in nanoseconds.
constexpr double chunk_cost = 1e6;
constexpr double max_chunk = 1024.0;

/// Whole groups, as many as the cost allows.
Index chunk_of(const StructuredLaw& law) {
    const auto group = static_cast<double>(law.draws_per_group());
    const double groups = chunk_cost / (law.draw_cost() * group);
    return law.draws_per_group() * static_cast<Index>(std::clamp(groups, 1.0, max_chunk / group));
}

Purpose purpose_of(const StructuredLaw& law) {
    return law.spectra_per_draw() == 1 ? Purpose::structure : Purpose::structure_pool;
}

}  // namespace

SpectrumSampler::SpectrumSampler(StructuredLaw& law, const ReferenceLaw& reference,
                                 std::uint64_t seed)
    : law_(law),
      reference_(reference),
      key_(seed, purpose_of(law)),
      n_responses_(reference.n_responses()),
      n_controls_(law.control_variates().size()),
      chunk_(chunk_of(law)) {}

Index SpectrumSampler::chunks_per_round(int n_threads) const {
    const double cost = law_.draw_cost() * static_cast<double>(chunk_);
    const double wanted = 1e8 / cost * n_threads;
    return static_cast<Index>(std::clamp(wanted, 4.0 * n_threads, 1e4));
}

void SpectrumSampler::fill_rows(std::uint64_t first, Index count, StructureWorkspace& workspace,
                                std::vector<double>& rows) const {
    rows.resize(static_cast<std::size_t>(count) * dimension());
    std::vector<StructuredLaw::Draw> draws(static_cast<std::size_t>(count));
    std::vector<double>& controls = workspace.controls;
    controls.resize(draws.size() * n_controls_);
    law_.draw(key_, {first, count}, workspace, draws, controls);
    for (std::size_t k = 0; k < draws.size(); ++k) {
        const Span row = Span(rows).subspan(k * dimension(), dimension());
        const auto estimate = reference_.responses(draws[k].estimate);
        const auto plain = reference_.responses(draws[k].plain);
        std::copy_n(estimate.begin(), n_responses_, row.begin());
        std::copy_n(controls.begin() + static_cast<std::ptrdiff_t>(k * n_controls_), n_controls_,
                    row.subspan(n_responses_).begin());
        std::copy_n(plain.begin(), n_responses_, row.last(n_responses_).begin());
    }
}

void SpectrumSampler::accumulate(std::uint64_t first, Index count, const RunControl& control,
                                 MomentAccumulator& moments) {
    const Index n_chunks = (count + chunk_ - 1) / chunk_;
    const auto n_workers = static_cast<std::size_t>(worker_count(n_chunks, control));
    std::vector<StructureWorkspace> workspaces(n_workers);
    std::vector<std::vector<double>> rows(n_workers);
    std::vector<MomentAccumulator> parts(static_cast<std::size_t>(n_chunks),
                                         MomentAccumulator(dimension()));
    law_.prepare(first, count);
    const WorkerControls controls(control);
    parallel_for(n_chunks, controls.team(), [&](Index item, int worker) {
        const auto w = static_cast<std::size_t>(worker);
        workspaces[w].control = controls[w];
        const Index offset = item * chunk_;
        fill_rows(first + static_cast<std::uint64_t>(offset), std::min(chunk_, count - offset),
                  workspaces[w], rows[w]);
        parts[static_cast<std::size_t>(item)] = MomentAccumulator::of_rows(rows[w], dimension());
    });
    for (const MomentAccumulator& part : parts) moments.merge(part);
}

}  // namespace htmu
