#include "htmu/structures/block_diagonal.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/log_vandermonde.hpp"
#include "htmu/special/digamma.hpp"

namespace htmu {

BlockDiagonalLaw::BlockDiagonalLaw(std::vector<Index> sizes, double alpha, double block_beta)
    : sizes_(std::move(sizes)), accuracy_(sufficient_accuracy(alpha)) {
    if (sizes_.empty())
        throw InvalidInput("a block-diagonal matrix needs at least one block, got none");
    std::vector<Index> distinct = sizes_;
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    for (const Index size : distinct) {
        if (size > max_matrix_size) {
            throw InvalidInput("block size must be at most " + std::to_string(max_matrix_size) +
                               ", got " + std::to_string(size));
        }
        samplers_.emplace_back(LaguerreParameters{size, block_beta, alpha, 1.0});
    }

    double sum = 0.0, sum_squares = 0.0, sum_cubes = 0.0, sum_log = 0.0, within = 0.0;
    for (const Index size : sizes_) {
        const auto place = std::lower_bound(distinct.begin(), distinct.end(), size);
        sampler_of_block_.push_back(static_cast<std::size_t>(place - distinct.begin()));
        matrix_size_ += size;
    }
    if (matrix_size_ > max_matrix_size) {
        throw InvalidInput("the matrix size N must be at most " + std::to_string(max_matrix_size) +
                           ", got " + std::to_string(matrix_size_));
    }
    for (std::size_t k = 0; k < distinct.size(); ++k) {
        const LaguerreParameters block{distinct[k], block_beta, alpha, 1.0};
        const auto count =
            static_cast<double>(std::count(sampler_of_block_.begin(), sampler_of_block_.end(), k));
        sum += count * trace_shape(block);
        sum_squares += count * mean_sum_squares(block);
        sum_cubes += count * mean_sum_cubes(block);
        sum_log += count * log_determinant_moments(block).mean;
        within += count * log_vandermonde_moments(block).mean;
    }
    controls_ = {{"sum", sum},
                 {"sum_squares", sum_squares},
                 {"sum_cubes", sum_cubes},
                 {"sum_log", sum_log},
                 {"block_log_vandermonde", within}};
    mean_log_sum_ = digamma(sum);
}

BlockDiagonalLaw::BlockSums BlockDiagonalLaw::sample_blocks(StreamKey key,
                                                            std::uint64_t first_matrix,
                                                            std::size_t count,
                                                            StructureWorkspace& workspace,
                                                            Span eigenvalues) const {
    BlockSums sums;
    std::size_t first = 0;
    for (std::size_t block = 0; block < count; ++block) {
        const LaguerreSampler& sampler = samplers_[sampler_of_block_[block % sizes_.size()]];
        const Span spectrum = eigenvalues.subspan(first, static_cast<std::size_t>(sampler.n()));
        sums.sum_log += sampler.sample_eigenvalues(key, first_matrix + block, accuracy_,
                                                   workspace.spectrum, spectrum);
        sums.log_vandermonde += log_vandermonde_sorted(spectrum);
        first += spectrum.size();
    }
    return sums;
}

namespace {

/// Control variates of `share` times the sums over the eigenvalues.
void write_controls(ConstSpan eigenvalues, double sum_log, double within, double share,
                    Span controls) {
    double sum = 0.0, sum_squares = 0.0, sum_cubes = 0.0;
    for (const double value : eigenvalues) {
        const double square = value * value;
        sum += value;
        sum_squares += square;
        sum_cubes += square * value;
    }
    controls[0] = share * sum;
    controls[1] = share * sum_squares;
    controls[2] = share * sum_cubes;
    controls[3] = share * sum_log;
    controls[4] = share * within;
}

}  // namespace

void BlockDiagonalLaw::sample(StreamKey key, std::uint64_t index, StructureWorkspace& workspace,
                              Span eigenvalues, Span controls) const {
    const BlockSums sums =
        sample_blocks(key, index * sizes_.size(), sizes_.size(), workspace, eigenvalues);
    write_controls(eigenvalues, sums.sum_log, sums.log_vandermonde, 1.0, controls);
}

StructuredLaw::Draw BlockDiagonalLaw::draw(StreamKey key, std::uint64_t index,
                                           StructureWorkspace& workspace, Span controls) const {
    const auto q = static_cast<std::size_t>(pool_);
    const auto one_size = static_cast<std::size_t>(matrix_size_);
    std::vector<double>& pool = workspace.eigenvalues;
    pool.resize(q * one_size);
    const std::size_t n_blocks = q * sizes_.size();
    const BlockSums sums = sample_blocks(key, index * n_blocks, n_blocks, workspace, pool);
    const double share = 1.0 / static_cast<double>(q);
    write_controls(pool, sums.sum_log, sums.log_vandermonde, share, controls);

    Draw draw;
    if (q == 1) {
        draw.estimate = spectrum_statistics(pool, index);
        draw.plain = draw.estimate;
    } else {
        workspace.factors.assign(pool.begin(), pool.begin() + matrix_size_);
        draw.plain = spectrum_statistics(workspace.factors, index * q);
        const double all = spectrum_statistics(pool, index * q).log_vandermonde;
        const auto m = static_cast<double>(sizes_.size());
        const auto k = static_cast<double>(n_blocks);
        const double pairs_ratio = m * (m - 1.0) / (k * (k - 1.0));
        draw.estimate.log_vandermonde =
            share * sums.log_vandermonde + pairs_ratio * (all - sums.log_vandermonde);
    }
    draw.estimate.sum = controls[0];
    draw.estimate.sum_log = controls[3];
    // Known exactly: the trace is a Gamma variate.
    draw.estimate.log_sum = mean_log_sum_;
    return draw;
}

void BlockDiagonalLaw::limit_spectra_per_draw(Index limit) {
    // The pool at which another pair of blocks stops being cheap beside another eigenproblem.
    constexpr Index max_blocks = 128;
    constexpr Index max_pool_size = 2000;
    const auto m = static_cast<Index>(sizes_.size());
    if (samplers_.size() > 1 || m < 2) return;
    const Index n_blocks = std::min(max_blocks, max_pool_size / sizes_.front());
    pool_ = std::max<Index>(1, std::min(limit, n_blocks / m));
}

double BlockDiagonalLaw::pool_cost(double n_pools) const {
    const double size = n_pools * static_cast<double>(matrix_size_);
    double cost = 200.0 + 20.0 * size + 0.06 * size * size;
    for (const Index block : sizes_) cost += n_pools * spectrum_cost(block);
    return cost;
}

double BlockDiagonalLaw::sample_cost() const {
    return pool_cost(1.0);
}

double BlockDiagonalLaw::draw_cost() const {
    return pool_cost(static_cast<double>(pool_));
}

}  // namespace htmu
