#include "htmu/common/throughput.hpp"

#include <algorithm>
#include <chrono>

#include "htmu/common/dispatch.hpp"

namespace htmu {

HTMU_DECLARE_KERNEL(double, run_multiply_adds, (Index repeats, double factor))
HTMU_DECLARE_KERNEL(double, run_divisions, (Index repeats, double numerator))
HTMU_DECLARE_KERNEL(Index, operations_per_repeat, ())

namespace {

volatile double consumed = 0.0;

/// Operations a second of the fastest of some runs.
double best_rate(double (*run)(Index, double), Index repeats, double argument) {
    using Clock = std::chrono::steady_clock;
    double best = 0.0;
    for (int attempt = 0; attempt < 20; ++attempt) {
        const auto start = Clock::now();
        consumed = run(repeats, argument);
        const std::chrono::duration<double> elapsed = Clock::now() - start;
        best = std::max(best, static_cast<double>(repeats) / elapsed.count());
    }
    return best * static_cast<double>(HTMU_DISPATCH(operations_per_repeat)());
}

}  // namespace

Throughput measure_throughput() {
    return {best_rate(HTMU_DISPATCH(run_multiply_adds), 100'000, 0.5),
            best_rate(HTMU_DISPATCH(run_divisions), 20'000, 1.5)};
}

}  // namespace htmu
