#pragma once

#include "htmu/ensembles/laguerre.hpp"
#include "htmu/structures/structured_law.hpp"

namespace htmu {

/// Kronecker product of k independent real positive matrices of sizes n_1 .. n_k, N = prod n_j:
/// factor j has exponent alpha N / n_j, and its eigenvalues are normalised to sum 1, for the law
/// of the scale is undefined. The eigenvalues are the products, which sum to 1 too.
///
/// Control variates, for each factor: the log-Vandermonde and the sums of log l, l^2 and l^3 of
/// the normalised eigenvalues. Their means are exact because the trace of a Laguerre matrix is
/// independent of its shape.
class KroneckerLaw final : public StructuredLaw {
   public:
    KroneckerLaw(std::vector<Index> dims, double alpha);

    [[nodiscard]] Index matrix_size() const override { return matrix_size_; }
    [[nodiscard]] const std::vector<ControlVariate>& control_variates() const override {
        return controls_;
    }
    void sample(StreamKey key, SampleRange samples, StructureWorkspace& workspace, Span eigenvalues,
                Span controls) const override;
    [[nodiscard]] Index draws_per_group() const override;
    [[nodiscard]] double sample_cost() const override;

   private:
    std::vector<Index> dims_;
    EigenvalueAccuracy accuracy_;
    std::vector<LaguerreSampler> samplers_;
    std::vector<ControlVariate> controls_;
    Index matrix_size_ = 1;
};

}  // namespace htmu
