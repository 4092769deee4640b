#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/log_vandermonde.hpp"
#include "htmu/random/variates.hpp"

using namespace htmu;

namespace {

/// The definition, in long double; and the sum of absolute values, the scale of its error.
std::pair<long double, long double> by_definition(const std::vector<double>& x) {
    long double sum = 0.0L, magnitude = 0.0L;
    for (std::size_t i = 0; i < x.size(); ++i) {
        for (std::size_t j = i + 1; j < x.size(); ++j) {
            const long double term = std::log(
                std::fabs(static_cast<long double>(x[i]) - static_cast<long double>(x[j])));
            sum += term;
            magnitude += std::fabs(term);
        }
    }
    return {sum, magnitude};
}

std::vector<double> gamma_points(int n, double shape, std::uint64_t seed) {
    const StreamKey key(seed, Purpose::variates);
    const GammaLaw law(shape);
    std::vector<double> x;
    for (int i = 0; i < n; ++i) {
        Stream stream(key, static_cast<std::uint64_t>(i), 0);
        x.push_back(law.variate(stream));
    }
    return x;
}

void check_against_definition(const std::vector<double>& x) {
    std::vector<double> scratch;
    const auto [expected, magnitude] = by_definition(x);
    const double found = log_vandermonde(x, scratch);
    CHECK(std::abs(static_cast<long double>(found) - expected) <= 1e-14L * magnitude);
}

}  // namespace

TEST_CASE("log-Vandermonde agrees with long double to 1e-14 at every size") {
    for (const int n : {2, 3, 5, 8, 31, 32, 33, 63, 64, 65, 100, 255, 256, 257, 1000}) {
        CAPTURE(n);
        check_against_definition(gamma_points(n, 2.0, 1));
        check_against_definition(gamma_points(n, 0.05, 2));
    }
}

TEST_CASE("log-Vandermonde holds at every scale") {
    for (const double scale : {1e-300, 1e-150, 1e-10, 1.0, 1e150, 1e300}) {
        CAPTURE(scale);
        std::vector<double> x = gamma_points(50, 3.0, 3);
        for (double& value : x) value *= scale;
        check_against_definition(x);
    }
}

TEST_CASE("log-Vandermonde of graded, shifted and extreme points") {
    std::vector<double> graded;
    for (int k = 0; k < 60; ++k) graded.push_back(std::pow(10.0, 5.0 * k - 300.0));
    check_against_definition(graded);
    check_against_definition({-1e308, 1e308});
    check_against_definition({-1.7e308, 0.0, 1.7e308, 5e-324});
    check_against_definition({1.0, 1.0 + std::numeric_limits<double>::epsilon(), 2.0});
    check_against_definition({1e15, 1e15 + 1.0, 1e15 + 3.0});
    std::vector<double> clusters;
    for (int k = 0; k < 40; ++k) clusters.push_back((k % 2 ? 1.0 : 2.0) + 1e-14 * k);
    check_against_definition(clusters);
}

TEST_CASE("log-Vandermonde is exact for integers: products of factorials") {
    // prod_{i<j} (j - i) for 0..n-1 is the superfactorial of n - 1.
    std::vector<double> x, scratch;
    for (int k = 199; k >= 0; --k) x.push_back(k);
    long double expected = 0.0L;
    for (int k = 1; k < 200; ++k) expected += std::lgamma(k + 1.0L);
    CHECK(log_vandermonde(x, scratch) ==
          doctest::Approx(static_cast<double>(expected)).epsilon(1e-14));
}

TEST_CASE("log-Vandermonde of repeated and of few points") {
    std::vector<double> scratch;
    CHECK(log_vandermonde(std::vector<double>{}, scratch) == 0.0);
    CHECK(log_vandermonde(std::vector<double>{3.0}, scratch) == 0.0);
    const double repeated = log_vandermonde(std::vector<double>{1.0, 2.0, 1.0}, scratch);
    CHECK(repeated == -std::numeric_limits<double>::infinity());
    CHECK(log_vandermonde(std::vector<double>{0.0, -0.0}, scratch) == repeated);
}

TEST_CASE("a batch gives the same bits for any number of threads, short rows and long") {
    for (const Index n : {10, 5000}) {
        const Index batch = n == 10 ? 3000 : 2;
        const std::vector<double> x = gamma_points(static_cast<int>(batch * n), 1.0, 4);
        std::vector<double> one(static_cast<std::size_t>(batch)), many(one);
        RunControl control;
        log_vandermonde_batch(batch, n, x, control, one);
        control.n_threads = 5;
        log_vandermonde_batch(batch, n, x, control, many);
        CHECK(one == many);
        if (n == 5000) {
            const auto [expected, magnitude] = by_definition({x.begin(), x.begin() + n});
            CHECK(std::abs(one[0] - static_cast<double>(expected)) <=
                  1e-14 * static_cast<double>(magnitude));
        }
    }
}

TEST_CASE("a batch refuses values that are not finite and names the row") {
    std::vector<double> x{1.0, 2.0, 3.0, NAN};
    std::vector<double> result(2);
    CHECK_THROWS_WITH_AS(log_vandermonde_batch(2, 2, x, {}, result), doctest::Contains("row 1"),
                         NonFinite);
}
