#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "htmu/common/parallel.hpp"
#include "htmu/common/types.hpp"
#include "htmu/ensembles/spectra.hpp"
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

/// Statistics of one spectrum, in any order. Throws RepeatedEigenvalue, with the sample's number,
/// when its log-Vandermonde is not finite.
[[nodiscard]] SpectrumStatistics spectrum_statistics(ConstSpan eigenvalues, std::uint64_t sample);

/// Samples or draws numbered first .. first + count - 1.
struct SampleRange {
    std::uint64_t first = 0;
    Index count = 1;
};

/// Scratch memory for draws; one per thread.
struct StructureWorkspace {
    RunControl control;  ///< stops a long draw half-way
    SpectraWorkspace spectra;
    std::vector<double> eigenvalues;
    std::vector<double> parts;             ///< spectra of blocks or factors
    std::vector<double> log_determinants;  ///< of the parts
    std::vector<double> log_vandermondes;
    std::vector<double> log_determinants_of_one;  ///< of one block of each sample
    std::vector<double> log_vandermondes_of_one;
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

    /// Draws samples: writes a row of N eigenvalues, in any order, and a row of control variates
    /// for each. A row is a function of (key, the sample's number) alone; many at once are cheaper.
    /// Safe to call from many threads.
    virtual void sample(StreamKey key, SampleRange samples, StructureWorkspace& workspace,
                        Span eigenvalues, Span controls) const = 0;

    /// What one draw says of the law.
    struct Draw {
        SpectrumStatistics estimate;  ///< unbiased for the means of the statistics
        SpectrumStatistics plain;     ///< of one spectrum: the yardstick of the estimate's variance
    };

    /// Makes draws, and a row of control variates for each. By default the statistics of the
    /// samples of the same numbers; a law whose spectra are made of independent parts may do better
    /// by sharing parts between several spectra.
    virtual void draw(StreamKey key, SampleRange range, StructureWorkspace& workspace,
                      std::span<Draw> draws, Span controls) const;

    /// Draws made at once that fill the vector unit.
    [[nodiscard]] virtual Index draws_per_group() const { return 1; }

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
