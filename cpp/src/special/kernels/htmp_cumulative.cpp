#include "htmu/special/htmp_kernels.hpp"
#include "stage_vectors.hpp"

namespace htmu::HTMU_TARGET {

void htmp_cumulative(const Collocation& method, const HtmpSegment& segment, bool forward,
                     double* value, double* log_coefficients) {
    constexpr int n = n_stages;
    const double h = (forward ? 2.0 : -2.0) * segment.half, start = *value;
    const Stages slope =
        load_stages(forward == segment.leftward ? segment.mirrored_slope : segment.slope);
    StageSystem<1> system;
    const Stages scaled = h * slope;
    for (int j = 0; j < n; ++j) {
        system.set(j, scaled * load_stages(method.integral + j * n));
        system.columns[j * n + j] += 1.0;
    }
    system.set(n, (-start) * slope + (forward ? 1.0 : -1.0));
    alignas(64) double derivative[n];
    system.solve(derivative);
    const Stages values = multiply_add(h, product(method.integral, derivative), same_stages(start));
    *value = values.part[n_parts - 1][width - 1];
    // Relative to the start, so that the logarithms are small where G hardly changes.
    const Stages logs = logarithm((1.0 / start) * values);
    alignas(64) double legendre[n_coefficients];
    polynomial(method, __builtin_log(start), logs, !forward, legendre, log_coefficients);
}

}  // namespace htmu::HTMU_TARGET
