#pragma once

#include "htmu/common/types.hpp"

namespace htmu {

// Sums over the vectors of length n in the first `lanes` lanes of x: the layout of
// htmu/common/lockstep.hpp.

/// Sums of x_i, x_i^2 and x_i^3: that of power k of lane l at sums[(k - 1) * lockstep_lanes + l].
/// Error at most n eps of the sum of |x_i^k|.
void lockstep_power_sums(Index n, Index lanes, const double* x, double* sums);

/// Sums of log x_i for finite x_i >= 0, into result[0, lanes), by one product with the exponents
/// taken out: -infinity when a value is 0, NaN when one is negative or not finite. Error at most
/// n eps, beside the rounding of the result.
void lockstep_sum_of_logs(Index n, Index lanes, const double* x, double* result);

}  // namespace htmu
