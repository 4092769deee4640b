#include "htmu/kappa/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/log_vandermonde.hpp"

namespace htmu {
namespace {

/// Target cost of a work item, in nanoseconds.
constexpr double chunk_cost = 1e6;
constexpr double max_chunk = 1024.0;

}  // namespace

ReferenceLaw::Responses spectrum_responses(const ReferenceLaw& reference, Span eigenvalues,
                                           std::uint64_t sample) {
    std::sort(eigenvalues.begin(), eigenvalues.end());
    SpectrumStatistics statistics;
    statistics.log_vandermonde = log_vandermonde_sorted(eigenvalues);
    if (!std::isfinite(statistics.log_vandermonde)) {
        throw RepeatedEigenvalue(
            "sample " + std::to_string(sample) +
            " repeats an eigenvalue to machine precision, so its log-Vandermonde is not finite and "
            "kappa is undefined; remove exact multiplicities, or the null space, first");
    }
    for (const double value : eigenvalues) statistics.sum += value;
    if (reference.n_responses() > 1) {
        for (const double value : eigenvalues) statistics.sum_log += std::log(value);
    }
    return reference.responses(statistics);
}

SpectrumSampler::SpectrumSampler(StructuredLaw& law, const ReferenceLaw& reference,
                                 std::uint64_t seed)
    : law_(law),
      reference_(reference),
      key_(seed, Purpose::structure),
      n_responses_(reference.n_responses()),
      n_controls_(law.control_variates().size()),
      chunk_(static_cast<Index>(std::clamp(chunk_cost / law.sample_cost(), 1.0, max_chunk))) {}

Index SpectrumSampler::chunks_per_round(int n_threads) const {
    const double cost = law_.sample_cost() * static_cast<double>(chunk_);
    const double wanted = 1e8 / cost * n_threads;
    return static_cast<Index>(std::clamp(wanted, 4.0 * n_threads, 1e4));
}

void SpectrumSampler::sample_rows(std::uint64_t first, Index count, StructureWorkspace& workspace,
                                  std::vector<double>& eigenvalues,
                                  std::vector<double>& rows) const {
    const std::size_t dimension = n_responses_ + n_controls_;
    eigenvalues.resize(static_cast<std::size_t>(law_.matrix_size()));
    rows.resize(static_cast<std::size_t>(count) * dimension);
    for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
        const Span row = Span(rows).subspan(k * dimension, dimension);
        law_.sample(key_, first + k, workspace, eigenvalues, row.subspan(n_responses_));
        const auto responses = spectrum_responses(reference_, eigenvalues, first + k);
        std::copy_n(responses.begin(), n_responses_, row.begin());
    }
}

void SpectrumSampler::accumulate(std::uint64_t first, Index count, const RunControl& control,
                                 MomentAccumulator& moments) {
    const std::size_t dimension = n_responses_ + n_controls_;
    const Index n_chunks = (count + chunk_ - 1) / chunk_;
    const auto n_workers = static_cast<std::size_t>(worker_count(n_chunks, control));
    std::vector<StructureWorkspace> workspaces(n_workers);
    std::vector<std::vector<double>> eigenvalues(n_workers), rows(n_workers);
    std::vector<MomentAccumulator> parts(static_cast<std::size_t>(n_chunks),
                                         MomentAccumulator(dimension));
    law_.prepare(first, count);
    parallel_for(n_chunks, control, [&](Index item, int worker) {
        const auto w = static_cast<std::size_t>(worker);
        const Index offset = item * chunk_;
        sample_rows(first + static_cast<std::uint64_t>(offset), std::min(chunk_, count - offset),
                    workspaces[w], eigenvalues[w], rows[w]);
        parts[static_cast<std::size_t>(item)] = MomentAccumulator::of_rows(rows[w], dimension);
    });
    for (const MomentAccumulator& part : parts) moments.merge(part);
}

}  // namespace htmu
