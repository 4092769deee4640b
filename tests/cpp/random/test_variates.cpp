#include <cmath>

#include <doctest/doctest.h>

#include "htmu/random/variates.hpp"

using namespace htmu;

namespace {

/// Mean and its standard error over streams 0 .. n-1.
template <class Draw>
std::pair<double, double> mean_of(int n, const Draw& draw) {
    const StreamKey key(2025, Purpose::variates);
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < n; ++i) {
        Stream stream(key, static_cast<std::uint64_t>(i), 0);
        const double x = draw(stream);
        sum += x;
        squares += x * x;
    }
    const double mean = sum / n;
    return {mean, std::sqrt((squares / n - mean * mean) / n)};
}

/// Five standard errors: a false alarm of 6e-7 a check, and the seed is fixed.
void check_mean(const std::pair<double, double>& found, double expected) {
    CHECK(std::abs(found.first - expected) < 5.0 * found.second + 1e-14 * std::abs(expected));
}

/// E log G = psi(shape), mpmath at 30 digits.
double mean_log(double shape) {
    if (shape == 1e-8) return -100000000.57721564636;
    if (shape == 1e-3) return -1000.5755719318102797;
    if (shape == 0.3) return -3.5025242222001331249;
    if (shape == 1.0) return -0.57721566490153286;
    if (shape == 7.5) return 1.9467574842460867881;
    return 9.2102903711428494036;
}

}  // namespace

TEST_CASE("normal variates have the moments of the normal law") {
    constexpr int n = 400000;
    check_mean(mean_of(n, [](Stream& s) { return normal_variate(s); }), 0.0);
    check_mean(mean_of(n, [](Stream& s) { return std::pow(normal_variate(s), 2); }), 1.0);
    check_mean(mean_of(n, [](Stream& s) { return std::pow(normal_variate(s), 4); }), 3.0);
    // The tail beyond the ziggurat's base layer: P(|Z| > 3.6541528853610088) = 2.5804e-4.
    check_mean(mean_of(n,
                       [](Stream& s) {
                           return std::abs(normal_variate(s)) > 3.6541528853610088 ? 1.0 : 0.0;
                       }),
               std::erfc(3.6541528853610088 / std::sqrt(2.0)));
}

TEST_CASE("gamma variates have mean and mean logarithm of their law") {
    for (const double shape : {1e-8, 1e-3, 0.3, 1.0, 7.5, 1e4}) {
        CAPTURE(shape);
        const GammaLaw law(shape);
        constexpr int n = 100000;
        if (shape > 0.1) check_mean(mean_of(n, [&](Stream& s) { return law.variate(s); }), shape);
        check_mean(mean_of(n, [&](Stream& s) { return law.log_variate(s); }), mean_log(shape));
    }
}

TEST_CASE("variate, square root and logarithm are of the same draw") {
    const StreamKey key(1, Purpose::variates);
    for (const double shape : {0.05, 0.9, 1.0, 3.0, 500.0}) {
        const GammaLaw law(shape);
        for (std::uint64_t i = 0; i < 200; ++i) {
            Stream a(key, i, 0), b(key, i, 0), c(key, i, 0);
            const double value = law.variate(a);
            if (value < 1e-290) continue;
            CHECK(std::pow(law.sqrt_variate(b), 2) == doctest::Approx(value).epsilon(1e-13));
            CHECK(law.log_variate(c) == doctest::Approx(std::log(value)).epsilon(1e-11));
        }
    }
}
