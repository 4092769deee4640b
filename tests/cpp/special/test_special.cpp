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

struct DifferenceRow {
    double x, d, digamma_difference, trigamma_difference, trigamma_excess;
};

// mpmath at 50 digits.
constexpr DifferenceRow difference_table[] = {
    {1e-8, 1.0, 99999999.9999999979077, 9.99999999999999958155e+15, 9.99999990000000122648e+15},
    {0.1, 1e-7, 1.01433199057819881619e-5, 0.000200185845715669976413, 91.4332991507927482598},
    {0.5, 1e6, 15.7790205839857392502, 4.9348012005446793095, 2.93480220054467930942},
    {2.5, 0.3, 0.137390348204173904183, 0.0620255939071765997687, 0.0903577561002348649728},
    {9.99, 1e-3, 0.000105271414000814840331, 1.10719070456446967342e-5, 0.00517685004814168642124},
    {12.0, 1e-6, 8.69018690981659206672e-8, 7.54720471395235288134e-9, 0.00356853953843505741697},
    {40.0, 40.0, 0.699436240009140538655, 0.0127366533306290857876, 0.000315103841291028157597},
    {1e8, 1.0, 1.0e-8, 1.0e-16, 5.00000001666666666667e-17},
    {1e8, 1e12, 9.21044037197601610274, 9.99900014999000066667e-9, 5.00000001666666666667e-17},
    {1e-3, 1e-3, 500.001641335456868533, 750000.002394401823854, 999001.642533195827365},
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

TEST_CASE("differences of digammas and trigammas do not cancel") {
    for (const DifferenceRow& row : difference_table) {
        CAPTURE(row.x);
        CAPTURE(row.d);
        const double digammas = digamma_difference(row.x, row.d);
        const double trigammas = trigamma_difference(row.x, row.d);
        CHECK(std::abs(digammas / row.digamma_difference - 1.0) <= 2e-15);
        CHECK(std::abs(trigammas / row.trigamma_difference - 1.0) <= 2e-15);
        CHECK(std::abs(trigamma_excess(row.x) / row.trigamma_excess - 1.0) <= 1e-15);
    }
    CHECK(digamma_difference(3.0, 0.0) == 0.0);
    CHECK(trigamma_difference(3.0, 0.0) == 0.0);
    CHECK(std::isnan(digamma_difference(0.0, 1.0)));
    CHECK(std::isnan(trigamma_difference(1.0, -1.0)));
    CHECK(std::isnan(trigamma_excess(0.0)));
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
