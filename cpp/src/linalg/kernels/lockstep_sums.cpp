#include "htmu/common/lockstep.hpp"
#include "htmu/common/vectors.hpp"
#include "pair_product.hpp"

namespace htmu::HTMU_TARGET {

void lockstep_sum_of_logs(Index n, Index lanes, const double* x, double* result) {
    for (Index first = 0; first < lanes; first += width) {
        WideProduct total;
        IntVec in_domain = lane_numbers() >= 0;
        for (Index i = 0; i < n;) {
            // The product of so many mantissas, each below 2, is a normal number.
            const Index stop = least(n, i + 1000);
            for (; i < stop; ++i) {
                const Vec value = load(x + i * lockstep_lanes + first);
                in_domain &= (value >= 0.0) & (value < infinity);
                total.zero |= value == 0.0;
                const IntVec subnormal = value < smallest_normal;
                const Vec normal = subnormal ? value * 0x1p54 : value;
                total.exponent += exponent_of(normal) + subnormal * 54;
                total.mantissa *= mantissa_of(normal);
            }
            total.exponent += exponent_of(total.mantissa);
            total.mantissa = mantissa_of(total.mantissa);
        }
        const Vec logs = total.zero ? splat(-infinity) : log_of(total);
        store_first(result + first, in_domain ? logs : splat(__builtin_nan("")), lanes - first);
    }
}

}  // namespace htmu::HTMU_TARGET
