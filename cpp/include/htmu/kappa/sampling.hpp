#pragma once

#include <functional>

#include "htmu/kappa/reference_law.hpp"
#include "htmu/kappa/regression.hpp"
#include "htmu/kappa/solver.hpp"

namespace htmu {

/// Draws spectra of a structured law and reduces them to the moments of (responses, controls).
class SpectrumSampler {
   public:
    SpectrumSampler(StructuredLaw& law, const ReferenceLaw& reference, std::uint64_t seed);

    /// Samples a work item holds: a function of the law alone, hence so are all sums.
    [[nodiscard]] Index chunk() const noexcept { return chunk_; }

    /// Moments of samples [first, first + count), first a multiple of chunk(), folded into
    /// `moments` chunk by chunk in ascending order.
    void accumulate(std::uint64_t first, Index count, const RunControl& control,
                    MomentAccumulator& moments);

    /// Chunks that keep `n_threads` busy for about a tenth of a second.
    [[nodiscard]] Index chunks_per_round(int n_threads) const;

   private:
    void sample_rows(std::uint64_t first, Index count, StructureWorkspace& workspace,
                     std::vector<double>& eigenvalues, std::vector<double>& rows) const;

    StructuredLaw& law_;
    const ReferenceLaw& reference_;
    StreamKey key_;
    std::size_t n_responses_;
    std::size_t n_controls_;
    Index chunk_;
};

/// T of every response of one spectrum; sorts it. Throws RepeatedEigenvalue naming the sample.
[[nodiscard]] ReferenceLaw::Responses spectrum_responses(const ReferenceLaw& reference,
                                                         Span eigenvalues, std::uint64_t sample);

}  // namespace htmu
