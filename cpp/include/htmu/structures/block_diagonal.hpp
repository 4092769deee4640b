#pragma once

#include "htmu/ensembles/laguerre.hpp"
#include "htmu/structures/structured_law.hpp"

namespace htmu {

/// Independent diagonal blocks, each a Laguerre ensemble of the same exponent alpha and Dyson
/// index block_beta. One block is an unstructured matrix; blocks of size 1 a diagonal one.
///
/// Control variates: the sums over the spectrum of l, l^2, l^3 and log l, the summed
/// log-Vandermondes within the blocks, and the logarithm of the trace (a Gamma variate).
class BlockDiagonalLaw final : public StructuredLaw {
   public:
    BlockDiagonalLaw(std::vector<Index> sizes, double alpha, double block_beta);

    [[nodiscard]] Index matrix_size() const override { return matrix_size_; }
    [[nodiscard]] const std::vector<ControlVariate>& control_variates() const override {
        return controls_;
    }
    void sample(StreamKey key, std::uint64_t index, StructureWorkspace& workspace, Span eigenvalues,
                Span controls) const override;
    [[nodiscard]] double sample_cost() const override;

   private:
    std::vector<Index> sizes_;
    EigenvalueAccuracy accuracy_;
    std::vector<LaguerreSampler> samplers_;  // one for each distinct size
    std::vector<std::size_t> sampler_of_block_;
    std::vector<ControlVariate> controls_;
    Index matrix_size_ = 0;
};

}  // namespace htmu
