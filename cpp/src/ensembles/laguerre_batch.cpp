#include "htmu/ensembles/laguerre_batch.hpp"

#include <algorithm>
#include <vector>

#include "htmu/linalg/log_vandermonde.hpp"

namespace htmu {
namespace {

/// Calls body(matrix, worker) for every matrix, in items of about 100 us.
void for_each_matrix(Index size, double nanoseconds, const RunControl& control,
                     const std::function<void(Index, std::size_t)>& body) {
    const auto per_item = static_cast<Index>(std::clamp(1e5 / nanoseconds, 1.0, 4096.0));
    parallel_for((size + per_item - 1) / per_item, control, [&](Index item, int worker) {
        const Index last = std::min(size, (item + 1) * per_item);
        for (Index matrix = item * per_item; matrix < last; ++matrix) {
            body(matrix, static_cast<std::size_t>(worker));
        }
    });
}

double sampling_cost(Index n) {
    return 50.0 * static_cast<double>(n);
}

double spectrum_cost(Index n) {
    return sampling_cost(n) + 15.0 * static_cast<double>(n) * static_cast<double>(n);
}

Span row_of(Span all, Index row, Index length) {
    return all.subspan(static_cast<std::size_t>(row * length), static_cast<std::size_t>(length));
}

std::size_t thread_slots(const RunControl& control) {
    return static_cast<std::size_t>(worker_count(max_threads, control));
}

}  // namespace

void sample_bidiagonal_batch(const LaguerreParameters& parameters, Index size, std::uint64_t seed,
                             const RunControl& control, Span diagonal, Span subdiagonal) {
    const LaguerreSampler sampler(parameters);
    const StreamKey key(seed, Purpose::ensemble);
    const Index n = parameters.n;
    for_each_matrix(size, sampling_cost(n), control, [&](Index matrix, std::size_t) {
        sampler.sample(key, static_cast<std::uint64_t>(matrix), row_of(diagonal, matrix, n),
                       row_of(subdiagonal, matrix, n - 1));
    });
}

void sample_eigenvalues_batch(const LaguerreParameters& parameters, Index size, std::uint64_t seed,
                              const RunControl& control, Span eigenvalues) {
    const LaguerreSampler sampler(parameters);
    const StreamKey key(seed, Purpose::ensemble);
    std::vector<SpectrumWorkspace> workspaces(thread_slots(control));
    for_each_matrix(size, spectrum_cost(parameters.n), control,
                    [&](Index matrix, std::size_t worker) {
                        sampler.sample_eigenvalues(key, static_cast<std::uint64_t>(matrix),
                                                   EigenvalueAccuracy::relative, workspaces[worker],
                                                   row_of(eigenvalues, matrix, parameters.n));
                    });
}

void sample_log_vandermonde_batch(const LaguerreParameters& parameters, Index size,
                                  std::uint64_t seed, const RunControl& control,
                                  Span log_vandermondes) {
    const LaguerreSampler sampler(parameters);
    const StreamKey key(seed, Purpose::ensemble);
    std::vector<SpectrumWorkspace> workspaces(thread_slots(control));
    std::vector<std::vector<double>> spectra(workspaces.size());
    for_each_matrix(
        size, spectrum_cost(parameters.n), control, [&](Index matrix, std::size_t worker) {
            std::vector<double>& spectrum = spectra[worker];
            spectrum.resize(static_cast<std::size_t>(parameters.n));
            sampler.sample_eigenvalues(key, static_cast<std::uint64_t>(matrix),
                                       EigenvalueAccuracy::relative, workspaces[worker], spectrum);
            log_vandermondes[static_cast<std::size_t>(matrix)] = log_vandermonde_sorted(spectrum);
        });
}

}  // namespace htmu
