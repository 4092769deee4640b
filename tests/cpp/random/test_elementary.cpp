#include <algorithm>
#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "htmu/random/elementary.hpp"
#include "htmu/random/stream.hpp"
#include "htmu/random/ziggurat.hpp"

using namespace htmu;

namespace {

/// Error in units of the last place of the exact value (of the least subnormal below 2^-1022).
double error_in_ulps(double found, long double exact) {
    int exponent = 0;
    std::frexp(static_cast<double>(exact), &exponent);
    return static_cast<double>(
        std::fabs(static_cast<long double>(found) - exact) /
        std::ldexp(1.0L, std::max(exponent, -1021) - std::numeric_limits<double>::digits));
}

constexpr int n = 300000;

}  // namespace

// The references are in long double: 64 bits on x86-64.
TEST_CASE("portable_log is within one unit in the last place") {
    Stream stream(StreamKey(1, Purpose::variates), 0, 0);
    double worst = 0.0;
    for (int i = 0; i < n; ++i) {
        const double uniform = stream.uniform();
        const double near_one = 1.0 + (uniform - 0.5) * std::exp2(-stream.uniform() * 45.0);
        const double any = (1.0 + uniform) * std::exp2(std::floor(stream.uniform() * 2040) - 1020);
        for (const double x : {uniform, near_one, any}) {
            if (x == 1.0) continue;
            worst = std::max(worst,
                             error_in_ulps(portable_log(x), std::log(static_cast<long double>(x))));
        }
    }
    CHECK(worst < 1.0);
    CHECK(portable_log(1.0) == 0.0);
    // The extremes of Stream::uniform
    CHECK(error_in_ulps(portable_log(0x1p-53), std::log(0x1p-53L)) < 1.0);
    CHECK(error_in_ulps(portable_log(1.0 - 0x1p-53), std::log(1.0L - 0x1p-53L)) < 1.0);
}

TEST_CASE("portable_exp is within one unit in the last place, subnormal results included") {
    Stream stream(StreamKey(2, Purpose::variates), 0, 0);
    double worst = 0.0;
    for (int i = 0; i < n; ++i) {
        const double uniform = stream.uniform();
        for (const double x : {-uniform, -745.13 * uniform, 709.0 * uniform,
                               -708.0 - 37.13 * uniform, -0x1p-40 * uniform}) {
            worst = std::max(worst,
                             error_in_ulps(portable_exp(x), std::exp(static_cast<long double>(x))));
        }
    }
    CHECK(worst < 1.0);
    CHECK(portable_exp(0.0) == 1.0);
    CHECK(portable_exp(-0.0) == 1.0);
    CHECK(portable_exp(-745.13) == std::numeric_limits<double>::denorm_min());
    CHECK(portable_exp(-745.14) == 0.0);
    CHECK(portable_exp(-1e300) == 0.0);
    CHECK(portable_exp(-std::numeric_limits<double>::infinity()) == 0.0);
}

TEST_CASE("the ziggurat's layers have equal areas") {
    constexpr long double area = 0.00492867323399L;
    CHECK(ziggurat_edge[1] == ziggurat_tail_start);
    CHECK(ziggurat_edge[256] == 0.0);
    for (int i = 0; i < 257; ++i) {
        const long double edge = ziggurat_edge[i];
        // One unit, and the rounding of an exponent of up to 7.
        CHECK(error_in_ulps(ziggurat_height[i], std::exp(-0.5L * edge * edge)) < 4.0);
    }
    CHECK(ziggurat_edge[0] * ziggurat_height[1] ==
          doctest::Approx(static_cast<double>(area)).epsilon(1e-15));
    for (int i = 1; i < 256; ++i) {
        CHECK(ziggurat_edge[i] > ziggurat_edge[i + 1]);
        // The area is a given number of digits, so the top layer's is not exact.
        const double tolerance = i == 255 ? 1e-9 : 1e-13;
        CHECK(ziggurat_edge[i] *
                  (static_cast<long double>(ziggurat_height[i + 1]) - ziggurat_height[i]) ==
              doctest::Approx(static_cast<double>(area)).epsilon(tolerance));
    }
}
