#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "htmu/common/lockstep.hpp"
#include "htmu/linalg/lockstep_sums.hpp"
#include "instruction_sets.hpp"

using namespace htmu;

namespace {

constexpr auto lanes_in_all = static_cast<std::size_t>(lockstep_lanes);

/// Sum over the values of one lane, in long double.
template <class Term>
long double lane_sum(Index n, const std::vector<double>& x, std::size_t lane, Term term) {
    long double sum = 0.0L;
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
        sum += term(static_cast<long double>(x[i * lanes_in_all + lane]));
    }
    return sum;
}

/// Points of both signs over some powers of ten.
std::vector<double> points(Index n) {
    std::mt19937_64 generator(1);
    std::normal_distribution<double> normal;
    std::vector<double> x(static_cast<std::size_t>(n) * lanes_in_all);
    for (double& value : x) value = normal(generator) * std::exp(normal(generator));
    return x;
}

}  // namespace

TEST_CASE("sums of logarithms agree with long double over the whole range") {
    for (const Index n : {0, 1, 2, 5, 999, 1000, 1001, 2500}) {
        CAPTURE(n);
        std::vector<double> x = points(n);
        // Every other lane from the smallest subnormal to the largest double.
        for (std::size_t at = 0; at < x.size(); ++at) {
            const auto exponent = static_cast<double>(at * 7919 % 2090) - 1070.0;
            x[at] = at % 2 == 0 ? std::fabs(x[at]) : std::exp2(std::fmin(exponent, 1023.9));
        }
        for_each_instruction_set([&] {
            std::vector<double> logs(lanes_in_all);
            lockstep_sum_of_logs(n, lockstep_lanes, x.data(), logs.data());
            for (std::size_t lane = 0; lane < lanes_in_all; ++lane) {
                const auto log = [](long double v) { return std::log(v); };
                const long double expected = lane_sum(n, x, lane, log);
                CHECK(std::fabs(logs[lane] - expected) <=
                      2.3e-16L * (static_cast<long double>(n) + std::fabs(expected)));
            }
        });
    }
}

TEST_CASE("sums of logarithms of 0 and outside the domain") {
    for_each_instruction_set([] {
        constexpr double infinity = std::numeric_limits<double>::infinity();
        std::vector<double> x(2 * lanes_in_all, 2.0), logs(lanes_in_all);
        x[0] = 0.0;
        x[1] = -0.0;
        x[2] = -1.0;
        x[3] = NAN;
        x[4] = infinity;
        x[5] = 5e-324;
        lockstep_sum_of_logs(2, 6, x.data(), logs.data());
        CHECK(logs[0] == -infinity);
        CHECK(logs[1] == -infinity);
        CHECK(std::isnan(logs[2]));
        CHECK(std::isnan(logs[3]));
        CHECK(std::isnan(logs[4]));
        CHECK(logs[5] == doctest::Approx(-1073.0 * std::log(2.0)).epsilon(1e-15));
        CHECK(logs[6] == 0.0);
    });
}
