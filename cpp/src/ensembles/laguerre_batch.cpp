#include "htmu/ensembles/laguerre_batch.hpp"

#include <vector>

#include "htmu/linalg/log_vandermonde.hpp"
#include "htmu/linalg/rows.hpp"

namespace htmu {
namespace {

double sampling_cost(Index n) {
    return 50.0 * static_cast<double>(n);
}

}  // namespace

void sample_bidiagonal_batch(const LaguerreParameters& parameters, Index size, std::uint64_t seed,
                             const RunControl& control, Span diagonal, Span subdiagonal) {
    const LaguerreSampler sampler(parameters);
    const StreamKey key(seed, Purpose::ensemble);
    const Index n = parameters.n;
    for_each_row(size, sampling_cost(n), control, [&](Index matrix, std::size_t) {
        sampler.sample(key, static_cast<std::uint64_t>(matrix), row_of(diagonal, matrix, n),
                       row_of(subdiagonal, matrix, n - 1));
    });
}

void sample_eigenvalues_batch(const LaguerreParameters& parameters, Index size, std::uint64_t seed,
                              const RunControl& control, Span eigenvalues) {
    const LaguerreSampler sampler(parameters);
    const StreamKey key(seed, Purpose::ensemble);
    std::vector<SpectrumWorkspace> workspaces(thread_slots(control));
    for_each_row(size, sampling_cost(parameters.n) + spectrum_cost(parameters.n), control,
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
    for_each_row(
        size, sampling_cost(parameters.n) + spectrum_cost(parameters.n), control,
        [&](Index matrix, std::size_t worker) {
            std::vector<double>& spectrum = spectra[worker];
            spectrum.resize(static_cast<std::size_t>(parameters.n));
            sampler.sample_eigenvalues(key, static_cast<std::uint64_t>(matrix),
                                       EigenvalueAccuracy::relative, workspaces[worker], spectrum);
            log_vandermondes[static_cast<std::size_t>(matrix)] = log_vandermonde_sorted(spectrum);
        });
}

}  // namespace htmu
