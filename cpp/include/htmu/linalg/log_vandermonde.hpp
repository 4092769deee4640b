#pragma once

#include <vector>

#include "htmu/common/parallel.hpp"
#include "htmu/common/types.hpp"

namespace htmu {

/// Number of pairs i < j among n.
[[nodiscard]] inline double n_pairs(Index n) noexcept {
    return 0.5 * static_cast<double>(n) * static_cast<double>(n - 1);
}

/// S(x) = sum over i < j of log|x_i - x_j| for a sorted (ascending) finite x: -infinity when two
/// values are equal, 0 for fewer than two. Differences are multiplied in chunks as long as the
/// exponent range allows, and the exponents are taken out of the products as integers, so a pair
/// costs a subtraction and a multiplication instead of a logarithm. Error about
/// eps sqrt(pairs), i.e. far below 1e-14 of the sum of |log|x_i - x_j||.
[[nodiscard]] double log_vandermonde_sorted(ConstSpan x);

/// The same for any order, with scratch space for the sorted copy.
[[nodiscard]] double log_vandermonde(ConstSpan x, std::vector<double>& scratch);

/// The same for `batch` rows of length n stored one after another. Long rows are cut into strips
/// that run in parallel; the sum's order depends on n only. Throws NonFinite naming the row.
void log_vandermonde_batch(Index batch, Index n, ConstSpan x, const RunControl& control,
                           Span result);

}  // namespace htmu
