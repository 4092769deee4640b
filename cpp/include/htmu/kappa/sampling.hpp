#pragma once

#include <functional>

#include "htmu/kappa/reference_law.hpp"
#include "htmu/kappa/regression.hpp"
#include "htmu/kappa/solver.hpp"

namespace htmu {

/// Makes draws of a structured law and reduces them to the moments of rows of (responses, controls,
/// responses of a plain spectrum).
class SpectrumSampler {
   public:
    SpectrumSampler(StructuredLaw& law, const ReferenceLaw& reference, std::uint64_t seed);

    /// Length of a row.
    [[nodiscard]] std::size_t dimension() const noexcept { return 2 * n_responses_ + n_controls_; }

    /// Draws that a work item holds: a function of the law alone, hence so are all sums.
    [[nodiscard]] Index chunk() const noexcept { return chunk_; }

    /// Moments of draws [first, first + count), first a multiple of chunk(), folded into
    /// `moments` chunk by chunk in ascending order.
    void accumulate(std::uint64_t first, Index count, const RunControl& control,
                    MomentAccumulator& moments);

    /// Chunks that keep `n_threads` busy for about a tenth of a second.
    [[nodiscard]] Index chunks_per_round(int n_threads) const;

   private:
    void fill_rows(std::uint64_t first, Index count, StructureWorkspace& workspace,
                   std::vector<double>& rows) const;

    StructuredLaw& law_;
    const ReferenceLaw& reference_;
    StreamKey key_;
    std::size_t n_responses_;
    std::size_t n_controls_;
    Index chunk_;
};

}  // namespace htmu
