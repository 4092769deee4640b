#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "htmu/common/types.hpp"
#include "htmu/linalg/tridiagonal.hpp"
#include "htmu/random/stream.hpp"

namespace htmu {

/// Largest matrix size N of a structure: one pair sum is then some minutes of work.
inline constexpr Index max_matrix_size = 1'000'000;

/// A statistic of one spectrum whose mean under the structure's law is known exactly.
struct ControlVariate {
    std::string name;
    double mean = 0.0;
};

/// The statistics of a spectrum that projections onto beta-ensembles need.
struct SpectrumStatistics {
    double log_vandermonde = 0.0;
    double sum_log = 0.0;
    double sum = 0.0;
    double log_sum = 0.0;
};

/// Statistics of one spectrum, which is sorted on the way. Throws RepeatedEigenvalue, with the
/// sample's number, when its log-Vandermonde is not finite.
[[nodiscard]] SpectrumStatistics spectrum_statistics(Span eigenvalues, std::uint64_t sample);

/// Scratch memory for one draw; one per thread.
struct StructureWorkspace {
    SpectrumWorkspace spectrum;
    std::vector<double> eigenvalues;
    std::vector<double> factors;
    std::vector<double> controls;
};

/// The law q of the N eigenvalues of a random positive matrix with structured eigenvectors.
class StructuredLaw {
   public:
    StructuredLaw() = default;
    StructuredLaw(const StructuredLaw&) = delete;
    StructuredLaw& operator=(const StructuredLaw&) = delete;
    virtual ~StructuredLaw() = default;

    [[nodiscard]] virtual Index matrix_size() const = 0;
    [[nodiscard]] virtual const std::vector<ControlVariate>& control_variates() const = 0;

    /// Draws sample number `index`: writes the N eigenvalues, in any order, and the values of the
    /// control variates. A function of (key, index) alone, and safe to call from many threads.
    virtual void sample(StreamKey key, std::uint64_t index, StructureWorkspace& workspace,
                        Span eigenvalues, Span controls) const = 0;

    /// What one draw says of the law.
    struct Draw {
        SpectrumStatistics estimate;  ///< unbiased for the means of the statistics
        SpectrumStatistics plain;     ///< of one spectrum: the yardstick of the estimate's variance
    };

    /// Draw number `index`, and its control variates. By default the statistics of sample number
    /// `index`; a law whose spectra are made of independent parts may do better by sharing parts
    /// between several spectra.
    [[nodiscard]] virtual Draw draw(StreamKey key, std::uint64_t index,
                                    StructureWorkspace& workspace, Span controls) const;

    /// Spectra that a draw is worth.
    [[nodiscard]] virtual Index spectra_per_draw() const { return 1; }

    /// Bounds spectra_per_draw(); to be called before the first draw.
    virtual void limit_spectra_per_draw(Index /*limit*/) {}

    /// Called on the solver's thread before samples [first, first + count) are drawn.
    virtual void prepare(std::uint64_t /*first*/, Index /*count*/) {}

    /// Number of samples that exist.
    [[nodiscard]] virtual std::int64_t available_samples() const;

    /// Rough cost of a sample and its pair sum in nanoseconds; it sets the size of work items.
    [[nodiscard]] virtual double sample_cost() const;

    /// The same for a draw.
    [[nodiscard]] virtual double draw_cost() const { return sample_cost(); }
};

}  // namespace htmu
