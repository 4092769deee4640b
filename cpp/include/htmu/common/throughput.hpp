#pragma once

#include "htmu/common/types.hpp"

namespace htmu {

/// What one core does at most with the instruction set in use, measured: the yardstick of the
/// kernels in the benchmarks. Operations on doubles a second; a multiply-add counts as one.
struct Throughput {
    double multiply_adds = 0.0;
    double divisions = 0.0;
};

/// Takes some 20 ms.
[[nodiscard]] Throughput measure_throughput();

}  // namespace htmu
