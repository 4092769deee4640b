#include <algorithm>
#include <cmath>
#include <initializer_list>

#include <doctest/doctest.h>

#include "htmu/special/digamma.hpp"
#include "htmu/special/quantiles.hpp"

using namespace htmu;

namespace {

struct PolygammaRow {
    double x, digamma, trigamma;
};

// mpmath at 30 digits.
constexpr PolygammaRow polygamma_table[] = {
    {1e-8, -100000000.57721564636, 10000000000000001.226},
    {0.1, -10.423754940411076232, 101.4332991507927477},
    {1.0, -0.57721566490153286061, 1.6449340668482264365},
    {2.5, 0.70315664064524318723, 0.49035775610023486497},
    {9.999, 2.2516474172057353142, 0.10517738667672886215},
    {10.0, 2.2517525890667211076, 0.10516633568168574612},
    {37.25, 3.6041690730056271675, 0.0272092058039555752},
    {1000000.0, 13.815510057964190771, 1.0000005000001666667e-6},
    {1e300, 690.77552789821370526, 9.999999999999999475e-301},
};

struct QuantileRow {
    double probability, dof, quantile;
};

// mpmath at 30 digits, by bisection of the incomplete beta function.
constexpr QuantileRow student_table[] = {
    {0.975, 1.0, 12.7062047361746933}, {0.975, 2.0, 4.30265272974946179},
    {0.975, 5.0, 2.57058183563631478}, {0.975, 30.0, 2.04227245630123789},
    {0.995, 7.0, 3.49948329735049326}, {0.9999995, 12.0, 9.08469293420188284},
    {0.75, 3.5, 0.750937029394078659}, {0.025, 33.0, -2.03451529744933867},
};

}  // namespace

TEST_CASE("digamma and trigamma agree with high-precision values") {
    for (const PolygammaRow& row : polygamma_table) {
        CAPTURE(row.x);
        CHECK(std::abs(digamma(row.x) - row.digamma) <=
              1e-15 * std::max(1.0, std::abs(row.digamma)));
        CHECK(std::abs(trigamma(row.x) / row.trigamma - 1.0) <= 1e-15);
    }
    CHECK(std::isnan(digamma(0.0)));
    CHECK(std::isnan(trigamma(-1.0)));
    CHECK(std::isnan(digamma(NAN)));
}

TEST_CASE("digamma and trigamma obey their recurrences") {
    for (double x = 1e-3; x < 1e4; x *= 1.37) {
        CAPTURE(x);
        CHECK(std::abs(digamma(x + 1.0) - digamma(x) - 1.0 / x) <=
              2e-15 * std::max(1.0, std::abs(digamma(x))));
        CHECK(std::abs(trigamma(x) - trigamma(x + 1.0) - 1.0 / (x * x)) <= 2e-15 * trigamma(x));
    }
}

TEST_CASE("the normal quantile inverts erfc") {
    for (const double p : {1e-300, 1e-20, 1e-5, 0.025, 0.3, 0.5, 0.6, 0.975, 0.999999}) {
        CAPTURE(p);
        const double z = normal_quantile(p);
        // The condition number of the tail is about z^2.
        CHECK(std::abs(0.5 * std::erfc(-z / std::sqrt(2.0)) / p - 1.0) <= 1e-15 * (4.0 + z * z));
    }
    CHECK(std::isnan(normal_quantile(0.0)));
    CHECK(std::isnan(normal_quantile(1.0)));
}

TEST_CASE("Student's quantile agrees with closed forms and high-precision values") {
    for (const QuantileRow& row : student_table) {
        CAPTURE(row.probability);
        CAPTURE(row.dof);
        CHECK(std::abs(student_t_quantile(row.probability, row.dof) / row.quantile - 1.0) <= 1e-11);
    }
    CHECK(student_t_quantile(0.5, 3.0) == 0.0);
    CHECK(std::abs(student_t_quantile(0.975, 1e12) - normal_quantile(0.975)) < 1e-10);
    CHECK(std::isnan(student_t_quantile(1.5, 3.0)));
    CHECK(std::isnan(student_t_quantile(0.9, 0.5)));
}
