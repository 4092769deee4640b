#include "htmu/structures/block_diagonal.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/rows.hpp"
#include "htmu/linalg/tridiagonal.hpp"
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

void BlockDiagonalLaw::sample_blocks(StreamKey key, SampleRange samples,
                                     StructureWorkspace& workspace, Span eigenvalues) const {
    const std::size_t m = sizes_.size();
    const auto count = static_cast<std::size_t>(samples.count);
    workspace.log_determinants.resize(count * m);
    workspace.log_vandermondes.resize(count * m);
    if (samplers_.size() == 1) {
        // Blocks of one size are numbered without gaps, and lie as they are wanted.
        sample_spectra(samplers_.front(), key,
                       {samples.first * m, static_cast<Index>(count * m), 1}, accuracy_,
                       workspace.control, workspace.spectra,
                       {eigenvalues, workspace.log_determinants, workspace.log_vandermondes});
        return;
    }
    std::vector<double>& log_determinants = workspace.log_determinants_of_one;
    std::vector<double>& log_vandermondes = workspace.log_vandermondes_of_one;
    log_determinants.resize(count);
    log_vandermondes.resize(count);
    const auto total = static_cast<std::size_t>(matrix_size_);
    std::size_t offset = 0;
    for (std::size_t block = 0; block < m; ++block) {
        const auto n = static_cast<std::size_t>(sizes_[block]);
        workspace.parts.resize(count * n);
        sample_spectra(samplers_[sampler_of_block_[block]], key,
                       {samples.first * m + block, samples.count, m}, accuracy_, workspace.control,
                       workspace.spectra, {workspace.parts, log_determinants, log_vandermondes});
        for (std::size_t sample = 0; sample < count; ++sample) {
            const auto spectrum = Span(workspace.parts).subspan(sample * n, n);
            std::copy(spectrum.begin(), spectrum.end(),
                      eigenvalues.subspan(sample * total + offset).begin());
            workspace.log_determinants[sample * m + block] = log_determinants[sample];
            workspace.log_vandermondes[sample * m + block] = log_vandermondes[sample];
        }
        offset += n;
    }
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

double sum_of(ConstSpan values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

void BlockDiagonalLaw::sample(StreamKey key, SampleRange samples, StructureWorkspace& workspace,
                              Span eigenvalues, Span controls) const {
    sample_blocks(key, samples, workspace, eigenvalues);
    const auto m = static_cast<Index>(sizes_.size());
    const auto n_controls = static_cast<Index>(controls_.size());
    for (Index k = 0; k < samples.count; ++k) {
        write_controls(row_of(ConstSpan(eigenvalues), k, matrix_size_),
                       sum_of(row_of(ConstSpan(workspace.log_determinants), k, m)),
                       sum_of(row_of(ConstSpan(workspace.log_vandermondes), k, m)), 1.0,
                       row_of(controls, k, n_controls));
    }
}

void BlockDiagonalLaw::draw(StreamKey key, SampleRange range, StructureWorkspace& workspace,
                            std::span<Draw> draws, Span controls) const {
    const Index pool_size = pool_ * matrix_size_;
    std::vector<double>& pools = workspace.eigenvalues;
    pools.resize(static_cast<std::size_t>(range.count * pool_size));
    sample_blocks(key, {range.first * static_cast<std::uint64_t>(pool_), range.count * pool_},
                  workspace, pools);
    const Index n_blocks = pool_ * static_cast<Index>(sizes_.size());
    for (Index k = 0; k < range.count; ++k) {
        draws[static_cast<std::size_t>(k)] =
            draw_from_pool(row_of(ConstSpan(pools), k, pool_size),
                           row_of(ConstSpan(workspace.log_determinants), k, n_blocks),
                           row_of(ConstSpan(workspace.log_vandermondes), k, n_blocks),
                           range.first + static_cast<std::uint64_t>(k),
                           row_of(controls, k, static_cast<Index>(controls_.size())));
    }
}

StructuredLaw::Draw BlockDiagonalLaw::draw_from_pool(ConstSpan pool, ConstSpan log_determinants,
                                                     ConstSpan log_vandermondes,
                                                     std::uint64_t number, Span controls) const {
    const auto q = static_cast<double>(pool_);
    const double within = sum_of(log_vandermondes);
    write_controls(pool, sum_of(log_determinants), within, 1.0 / q, controls);

    Draw draw;
    const std::uint64_t sample = number * static_cast<std::uint64_t>(pool_);
    draw.estimate = spectrum_statistics(pool, sample);
    if (pool_ == 1) {
        draw.plain = draw.estimate;
    } else {
        draw.plain =
            spectrum_statistics(pool.first(static_cast<std::size_t>(matrix_size_)), sample);
        const auto m = static_cast<double>(sizes_.size());
        const double k = q * m;
        const double pairs_ratio = m * (m - 1.0) / (k * (k - 1.0));
        const double across = draw.estimate.log_vandermonde - within;
        draw.estimate.log_vandermonde = within / q + pairs_ratio * across;
    }
    draw.estimate.sum = controls[0];
    draw.estimate.sum_log = controls[3];
    // Known exactly: the trace is a Gamma variate.
    draw.estimate.log_sum = mean_log_sum_;
    return draw;
}

Index BlockDiagonalLaw::draws_per_group() const {
    // Larger blocks are solved one by one, and take most of the time.
    if (*std::max_element(sizes_.begin(), sizes_.end()) > max_lockstep_size) return 1;
    const Index n_blocks = samplers_.size() == 1 ? pool_ * static_cast<Index>(sizes_.size()) : 1;
    return (lockstep_lanes + n_blocks - 1) / n_blocks;
}

void BlockDiagonalLaw::limit_spectra_per_draw(Index limit) {
    // The pool at which another pair of blocks stops being cheap beside another eigenproblem.
    constexpr Index max_blocks = 192;
    constexpr Index max_pool_size = 2500;
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
