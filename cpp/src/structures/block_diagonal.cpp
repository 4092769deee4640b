#include "htmu/structures/block_diagonal.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
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
    controls_ = {
        {"sum", sum},         {"sum_squares", sum_squares},      {"sum_cubes", sum_cubes},
        {"sum_log", sum_log}, {"block_log_vandermonde", within}, {"log_sum", digamma(sum)}};
}

void BlockDiagonalLaw::sample(StreamKey key, std::uint64_t index, StructureWorkspace& workspace,
                              Span eigenvalues, Span controls) const {
    double sum_log = 0.0, within = 0.0;
    std::size_t first = 0;
    for (std::size_t block = 0; block < sizes_.size(); ++block) {
        const auto size = static_cast<std::size_t>(sizes_[block]);
        const Span spectrum = eigenvalues.subspan(first, size);
        const std::uint64_t matrix = index * sizes_.size() + block;
        sum_log += samplers_[sampler_of_block_[block]].sample_eigenvalues(
            key, matrix, accuracy_, workspace.spectrum, spectrum);
        within += log_vandermonde_sorted(spectrum);
        first += size;
    }
    double sum = 0.0, sum_squares = 0.0, sum_cubes = 0.0;
    for (const double value : eigenvalues) {
        const double square = value * value;
        sum += value;
        sum_squares += square;
        sum_cubes += square * value;
    }
    controls[0] = sum;
    controls[1] = sum_squares;
    controls[2] = sum_cubes;
    controls[3] = sum_log;
    controls[4] = within;
    controls[5] = std::log(sum);
}

double BlockDiagonalLaw::sample_cost() const {
    double cost = StructuredLaw::sample_cost();
    for (const Index size : sizes_) {
        const auto n = static_cast<double>(size);
        cost += 200.0 + 50.0 * n + 15.0 * n * n;
    }
    return cost;
}

}  // namespace htmu
