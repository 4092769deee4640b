#include "htmu/linalg/lockstep_sums.hpp"

#include "htmu/common/dispatch.hpp"

namespace htmu {

HTMU_DECLARE_KERNEL(void, lockstep_sum_of_logs,
                    (Index n, Index lanes, const double* x, double* result))

void lockstep_sum_of_logs(Index n, Index lanes, const double* x, double* result) {
    HTMU_DISPATCH(lockstep_sum_of_logs)(n, lanes, x, result);
}

}  // namespace htmu
