#pragma once

#include "htmu/common/parallel.hpp"
#include "htmu/common/types.hpp"

namespace htmu {

/// Number of pairs i < j among n.
[[nodiscard]] inline double n_pairs(Index n) noexcept {
    return 0.5 * static_cast<double>(n) * static_cast<double>(n - 1);
}

/// S(x) = sum over i < j of log|x_i - x_j| for finite x in any order: -infinity when two values are
/// equal, 0 for fewer than two, NaN when a value is not finite. Differences are multiplied, and the
/// exponents are taken out of the products as integers, so a pair costs a subtraction and a
/// multiplication instead of a logarithm. Error at most eps a pair and about eps sqrt(pairs) in
/// practice, beside the rounding of the result: below 1e-15 of the sum of |log|x_i - x_j||.
/// Allocates nothing.
[[nodiscard]] double log_vandermonde(ConstSpan x);

/// S of the vectors of length n in the first `lanes` lanes of x, each in any order, into
/// result[0, lanes): the layout of htmu/common/lockstep.hpp. Values as for log_vandermonde, but not
/// the same bits.
void lockstep_log_vandermonde(Index n, Index lanes, const double* x, double* result);

/// S of `batch` rows of length n stored one after another. A row's result is the same whatever the
/// batch and the number of threads: short rows are computed in lockstep, and long rows are cut into
/// strips that run in parallel; which, depends on n only. Throws NonFinite naming the row.
void log_vandermonde_batch(Index batch, Index n, ConstSpan x, const RunControl& control,
                           Span result);

}  // namespace htmu
