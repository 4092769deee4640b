#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "htmu/common/errors.hpp"
#include "htmu/common/lockstep.hpp"
#include "htmu/linalg/log_vandermonde.hpp"
#include "instruction_sets.hpp"

using namespace htmu;

namespace {

using Points = std::vector<double>;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double eps = std::numeric_limits<double>::epsilon();

struct Reference {
    long double sum = 0.0L;
    long double magnitude = 0.0L;  ///< of the terms: the scale of the error
};

/// The definition, in long double.
Reference by_definition(const Points& x) {
    Reference result;
    for (std::size_t i = 0; i < x.size(); ++i) {
        for (std::size_t j = i + 1; j < x.size(); ++j) {
            const long double term = std::log(
                std::fabs(static_cast<long double>(x[i]) - static_cast<long double>(x[j])));
            result.sum += term;
            result.magnitude += std::fabs(term);
        }
    }
    return result;
}

Points gamma_points(Index n, double shape, unsigned seed) {
    std::mt19937_64 generator(seed);
    std::gamma_distribution<double> above(shape + 1.0);
    std::uniform_real_distribution<double> uniform;
    Points x(static_cast<std::size_t>(n));
    // Shapes below 1 by G(a) = G(a + 1) U^(1/a).
    for (double& value : x) value = above(generator) * std::pow(uniform(generator), 1.0 / shape);
    return x;
}

/// One vector in each of the first lanes, the others NaN, aligned as the kernels ask.
class LockstepPoints {
   public:
    explicit LockstepPoints(Index n)
        : n_(n), values_(static_cast<std::size_t>((n + 1) * lockstep_lanes + 8), NAN) {
        auto address = reinterpret_cast<std::uintptr_t>(values_.data());
        start_ = (lockstep_alignment - address % lockstep_alignment) % lockstep_alignment / 8;
    }
    void set(Index lane, const Points& x) {
        for (Index i = 0; i < n_; ++i) {
            values_[start_ + static_cast<std::size_t>(i * lockstep_lanes + lane)] =
                x[static_cast<std::size_t>(i)];
        }
    }
    Points logs(Index lanes) const {
        constexpr double untouched = 12345.0;
        Points result(lockstep_lanes, untouched);
        lockstep_log_vandermonde(n_, lanes, values_.data() + start_, result.data());
        for (Index lane = lanes; lane < lockstep_lanes; ++lane) {
            CHECK(result[static_cast<std::size_t>(lane)] == untouched);
        }
        result.resize(static_cast<std::size_t>(lanes));
        return result;
    }

   private:
    Index n_;
    std::vector<double> values_;
    std::size_t start_;
};

/// By each function, alone and in the last of some lanes.
Points by_each_function(const Points& x) {
    const auto n = static_cast<Index>(x.size());
    LockstepPoints lockstep(n);
    lockstep.set(0, x);
    const double in_first_lane = lockstep.logs(1)[0];
    for (Index lane = 1; lane < 24; ++lane) lockstep.set(lane, gamma_points(n, 1.0, 99));
    lockstep.set(23, x);
    Points batch(1);
    log_vandermonde_batch(1, n, x, {}, batch);
    return {log_vandermonde(x), in_first_lane, lockstep.logs(24)[23], batch[0]};
}

void check_near(const Points& x, long double expected, long double magnitude) {
    for_each_instruction_set([&] {
        for (const double found : by_each_function(x)) {
            CHECK(std::fabs(static_cast<long double>(found) - expected) <=
                  1e-15L * magnitude + 2e-16L * std::fabs(expected));
        }
    });
}

void check_against_definition(const Points& x) {
    const Reference expected = by_definition(x);
    check_near(x, expected.sum, expected.magnitude);
}

}  // namespace

TEST_CASE("log-Vandermonde agrees with long double at every size") {
    for (Index n = 2; n <= 140; ++n) {
        CAPTURE(n);
        check_against_definition(gamma_points(n, 2.0, static_cast<unsigned>(n)));
    }
    for (const Index n : {191, 192, 193, 255, 256, 257, 300, 1000}) {
        CAPTURE(n);
        check_against_definition(gamma_points(n, 2.0, 1));
    }
}

TEST_CASE("log-Vandermonde of graded points, most of whose products underflow") {
    for (const double shape : {0.1, 0.04, 0.02}) {
        for (const Index n : {3, 10, 30, 64, 65, 200, 600}) {
            CAPTURE(shape);
            CAPTURE(n);
            Points x = gamma_points(n, shape, 2);
            check_against_definition(x);
            std::sort(x.begin(), x.end());
            check_against_definition(x);
        }
    }
}

TEST_CASE("log-Vandermonde holds at every scale and for negative points") {
    for (const double scale : {-1e-300, 1e-150, -1e-10, 1.0, 1e150, -1e300}) {
        CAPTURE(scale);
        Points x = gamma_points(50, 3.0, 3);
        for (double& value : x) value *= scale;
        check_against_definition(x);
        for (std::size_t i = 0; i < x.size(); i += 2) x[i] = -x[i];
        check_against_definition(x);
    }
}

TEST_CASE("log-Vandermonde of extreme points: 60 digits, by mpmath") {
    Points graded, ulps, clusters;
    for (int k = 0; k < 61; ++k) graded.push_back(std::ldexp(1.0 + k / 64.0, 33 * k - 990));
    for (int k = 0; k < 40; ++k) ulps.push_back(1.0 + k * eps);
    for (int k = 0; k < 48; ++k) clusters.push_back(std::ldexp(1.0 + k % 8 * eps, -120 * (k / 8)));
    const std::vector<std::pair<Points, double>> table{
        {graded, 433420.5456539735},
        {ulps, -26326.661369260702},
        {clusters, -147304.02941482456},
        {{0.0, 5e-324, 1e-320, 3e-310, 2.2e-308, -4e-315, 1e-307}, -15024.355821560315},
        {{-1.7e308, 0.0, 1.7e308, 5e-324, -1e308, 1e-310}, 6343.35579589537},
        {{-0.5, 0.5 + eps, 7e-17}, -1.38629436111989},
    };
    for (const auto& row : table) {
        const double expected = row.second;
        CAPTURE(expected);
        const long double magnitude = by_definition(row.first).magnitude;
        check_near(row.first, expected, magnitude);
        Points shuffled = row.first;
        std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937_64(4));
        check_near(shuffled, expected, magnitude);
    }
    // Differences next to 1, whose logarithms are as small as can be.
    check_near({0.0, 1.0 - eps / 2}, -1.1102230246251565e-16, 1e-16);
    check_near({1.0, 2.0 + 2.0 * eps}, 4.440892098500625e-16, 4e-16);
}

TEST_CASE("log-Vandermonde of integers: products of factorials") {
    // prod_{i<j} (j - i) for 0..n-1 is the superfactorial of n - 1.
    Points x;
    for (int k = 199; k >= 0; --k) x.push_back(k);
    long double expected = 0.0L;
    for (int k = 1; k < 200; ++k) expected += std::lgamma(k + 1.0L);
    check_near(x, expected, expected);
}

TEST_CASE("a power of two times the points adds its logarithm for each pair") {
    for_each_instruction_set([] {
        for (const Index n : {5, 40, 100}) {
            const Points x = gamma_points(n, 1.0, 5);
            Points scaled = x;
            for (double& value : scaled) value = std::ldexp(value, -700);
            const Points before = by_each_function(x), after = by_each_function(scaled);
            for (std::size_t k = 0; k < before.size(); ++k) {
                CHECK(
                    after[k] ==
                    doctest::Approx(before[k] - 700.0 * std::log(2.0) * n_pairs(n)).epsilon(1e-15));
            }
        }
    });
}

TEST_CASE("log-Vandermonde of repeated, few and non-finite points") {
    const auto each_is = [](const Points& x, double expected) {
        for_each_instruction_set([&] {
            CHECK(log_vandermonde(x) == expected);
            LockstepPoints lockstep(static_cast<Index>(x.size()));
            lockstep.set(5, x);
            CHECK(lockstep.logs(6)[5] == expected);
        });
    };
    each_is({}, 0.0);
    each_is({3.0}, 0.0);
    each_is({0.0, -0.0}, -infinity);
    each_is({0.0, 0.0, 0.0}, -infinity);
    each_is({5e-324, 1.0, 5e-324}, -infinity);
    each_is({1e308, -1e308, 1e308, 2.0}, -infinity);
    for (const Index n : {30, 64, 70, 100, 300}) {
        CAPTURE(n);
        Points x = gamma_points(n, 1.0, 6);
        x[static_cast<std::size_t>(n - 1)] = x[static_cast<std::size_t>(n / 3)];
        each_is(x, -infinity);
    }
    for (const double bad : {double{NAN}, infinity, -infinity}) {
        for (const Index n : {1, 2, 7, 64, 100}) {
            CAPTURE(bad);
            CAPTURE(n);
            Points x = gamma_points(n, 1.0, 6);
            x[static_cast<std::size_t>(n / 2)] = bad;
            for_each_instruction_set([&] {
                CHECK(std::isnan(log_vandermonde(x)));
                LockstepPoints lockstep(n);
                lockstep.set(5, x);
                CHECK(std::isnan(lockstep.logs(6)[5]));
            });
        }
    }
}

TEST_CASE("a lane has the same bits whatever is beside it") {
    for_each_instruction_set([] {
        for (const Index n : {3, 10, 33, 100}) {
            CAPTURE(n);
            LockstepPoints plain(n), mixed(n);
            // Some lanes underflow, some repeat a value, some are not finite.
            for (Index lane = 0; lane < lockstep_lanes; ++lane) {
                Points x = gamma_points(n, lane % 4 == 1 ? 0.02 : 1.0, static_cast<unsigned>(lane));
                if (lane % 8 == 2) x[0] = x[1];
                if (lane % 8 == 6) x[0] = NAN;
                mixed.set(lane, x);
                if (lane % 2 == 0) x = gamma_points(n, 1.0, 7);
                plain.set(lane, x);
            }
            const Points alone = plain.logs(32), beside = mixed.logs(32);
            for (std::size_t lane = 1; lane < 32; lane += 2) CHECK(alone[lane] == beside[lane]);
            for (const Index lanes : {1, 3, 8, 15, 16, 24}) {
                const Points fewer = plain.logs(lanes);
                for (std::size_t lane = 0; lane < fewer.size(); ++lane) {
                    CHECK(fewer[lane] == alone[lane]);
                    // Even lanes hold the same points.
                    if (lane % 2 == 0) CHECK(fewer[lane] == alone[0]);
                }
            }
        }
    });
}

TEST_CASE("a batch gives the same bits for any number of threads and any batch") {
    for_each_instruction_set([] {
        for (const Index n : {0, 1, 10, 64, 65, 300, 5000}) {
            CAPTURE(n);
            const Index batch = n <= 10 ? 3000 : n <= 300 ? 75 : 2;
            const Points x = gamma_points(batch * n, 1.0, 8);
            Points one(static_cast<std::size_t>(batch)), many(one), alone(one);
            RunControl control;
            log_vandermonde_batch(batch, n, x, control, one);
            control.n_threads = 5;
            log_vandermonde_batch(batch, n, x, control, many);
            CHECK(one == many);
            for (Index row = 0; row < batch; ++row) {
                const auto at = static_cast<std::ptrdiff_t>(row * n);
                log_vandermonde_batch(1, n, Points(x.begin() + at, x.begin() + at + n), control,
                                      Span(alone).subspan(static_cast<std::size_t>(row), 1));
            }
            CHECK(one == alone);
            const Reference expected = by_definition({x.begin(), x.begin() + n});
            CHECK(std::fabs(one[0] - expected.sum) <=
                  1e-15L * expected.magnitude + 2e-16L * std::fabs(expected.sum));
        }
    });
}

TEST_CASE("a batch refuses values that are not finite and names the row") {
    for (const Index n : {2, 100, 5000}) {
        for (const double bad : {double{NAN}, infinity}) {
            Points x = gamma_points(3 * n, 1.0, 9);
            x[static_cast<std::size_t>(2 * n - 1)] = bad;
            Points result(3);
            CHECK_THROWS_WITH_AS(log_vandermonde_batch(3, n, x, {}, result),
                                 doctest::Contains("row 1"), NonFinite);
        }
    }
}
