#include "htmu/common/throughput.hpp"

#include "htmu/common/vectors.hpp"

namespace htmu::HTMU_TARGET {
namespace {

// More independent chains than latency times throughput, and few enough for the registers.
constexpr int chains = 10;

}  // namespace

double run_multiply_adds(Index repeats, double factor) {
    Vec sum[chains];
    const Vec by = splat(factor);
    for (int k = 0; k < chains; ++k) sum[k] = splat(1.0 + k);
    for (Index i = 0; i < repeats; ++i) {
#pragma GCC unroll 10
        for (int k = 0; k < chains; ++k) sum[k] = multiply_add(sum[k], by, by);
    }
    Vec total{};
    for (int k = 0; k < chains; ++k) total += sum[k];
    return sum_of(total);
}

double run_divisions(Index repeats, double numerator) {
    Vec ratio[chains];
    const Vec top = splat(numerator);
    for (int k = 0; k < chains; ++k) ratio[k] = splat(1.0 + k);
    for (Index i = 0; i < repeats; ++i) {
#pragma GCC unroll 10
        for (int k = 0; k < chains; ++k) ratio[k] = top / ratio[k];
    }
    Vec total{};
    for (int k = 0; k < chains; ++k) total += ratio[k];
    return sum_of(total);
}

Index operations_per_repeat() {
    return chains * width;
}

}  // namespace htmu::HTMU_TARGET
