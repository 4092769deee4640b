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

/// Scratch memory for one sample; one per thread.
struct StructureWorkspace {
    SpectrumWorkspace spectrum;
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

    /// Called on the solver's thread before samples [first, first + count) are drawn.
    virtual void prepare(std::uint64_t /*first*/, Index /*count*/) {}

    /// Number of samples that exist.
    [[nodiscard]] virtual std::int64_t available_samples() const;

    /// Rough cost of a sample and its pair sum in nanoseconds; it sets the size of work items.
    [[nodiscard]] virtual double sample_cost() const;
};

}  // namespace htmu
