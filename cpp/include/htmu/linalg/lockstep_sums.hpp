#pragma once

#include "htmu/common/types.hpp"

namespace htmu {

/// Sums of log x_i for finite x_i >= 0 over the vectors of length n in the first `lanes` lanes of x
/// (the layout of htmu/common/lockstep.hpp), into result[0, lanes), by one product with the
/// exponents taken out: -infinity when a value is 0, NaN when one is negative or not finite. Error
/// at most n eps, beside the rounding of the result.
void lockstep_sum_of_logs(Index n, Index lanes, const double* x, double* result);

}  // namespace htmu
