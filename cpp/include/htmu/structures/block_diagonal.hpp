#pragma once

#include "htmu/ensembles/laguerre.hpp"
#include "htmu/structures/structured_law.hpp"

namespace htmu {

/// Independent diagonal blocks, each a Laguerre ensemble of the same exponent alpha and Dyson
/// index block_beta. One block is an unstructured matrix; blocks of size 1 a diagonal one.
///
/// Blocks of one size, m of them, are drawn in pools of K = q m, worth q spectra. With W the mean
/// log-Vandermonde within a block, known exactly, and c the mean of a pair of blocks' cross sum,
/// E S = m W + m (m - 1)/2 c, so all K (K - 1)/2 pairs of the pool estimate c: a U-statistic, whose
/// part that no function of single blocks explains has q - 1/m times less variance than that of
/// q spectra apart, for the same eigenproblems (Hoeffding, Ann. Math. Statist. 19, 293, 1948).
///
/// Control variates: the sums over the spectrum of l, l^2, l^3 and log l, and the summed
/// log-Vandermondes within the blocks; over a pool they are divided by q.
class BlockDiagonalLaw final : public StructuredLaw {
   public:
    BlockDiagonalLaw(std::vector<Index> sizes, double alpha, double block_beta);

    [[nodiscard]] Index matrix_size() const override { return matrix_size_; }
    [[nodiscard]] const std::vector<ControlVariate>& control_variates() const override {
        return controls_;
    }
    void sample(StreamKey key, SampleRange samples, StructureWorkspace& workspace, Span eigenvalues,
                Span controls) const override;
    void draw(StreamKey key, SampleRange range, StructureWorkspace& workspace,
              std::span<Draw> draws, Span controls) const override;
    [[nodiscard]] Index draws_per_group() const override;
    [[nodiscard]] Index spectra_per_draw() const override { return pool_; }
    void limit_spectra_per_draw(Index limit) override;
    [[nodiscard]] double sample_cost() const override;
    [[nodiscard]] double draw_cost() const override;

   private:
    /// Draws the blocks of samples, block b of sample s being matrix s m + b: the eigenvalues of
    /// each sample one after another, block by block; log-determinants and log-Vandermondes of the
    /// blocks, (samples, m), go to the workspace.
    void sample_blocks(StreamKey key, SampleRange samples, StructureWorkspace& workspace,
                       Span eigenvalues) const;
    /// The estimate that a pool of q samples is, from its blocks.
    [[nodiscard]] Draw draw_from_pool(ConstSpan pool, ConstSpan log_determinants,
                                      ConstSpan log_vandermondes, std::uint64_t number,
                                      Span controls) const;
    [[nodiscard]] double pool_cost(double n_pools) const;

    std::vector<Index> sizes_;
    EigenvalueAccuracy accuracy_;
    std::vector<LaguerreSampler> samplers_;  // one for each distinct size
    std::vector<std::size_t> sampler_of_block_;
    std::vector<ControlVariate> controls_;
    Index matrix_size_ = 0;
    Index pool_ = 1;  // q
    double mean_log_sum_ = 0.0;
};

}  // namespace htmu
