#include <cmath>

#include <doctest/doctest.h>

#include "htmu/special/collocation.hpp"

using namespace htmu;

// The method is exact for polynomials of degree 15, and e^tau is one to 1e-17.
TEST_CASE("the collocation matrices integrate and interpolate") {
    const Collocation& method = collocation();
    constexpr int n = n_stages;
    CHECK(method.tau[n - 1] == 1.0);
    double last = 0.0;
    for (int j = 0; j < n; ++j) last += method.last_legendre[j] * std::expm1(method.tau[j]);
    for (int i = 0; i < n; ++i) {
        const double tau = method.tau[i];
        double integral = 0.0, twice = 0.0, mirrored = 1.0;
        for (int j = 0; j < n; ++j) {
            const double e = std::exp(method.tau[j]);
            integral += method.integral[j * n + i] * e;
            twice += method.double_integral[j * n + i] * e;
            mirrored += method.mirror[j * n + i] * (e - 1.0);
        }
        CHECK(std::fabs(integral - std::expm1(tau)) < 1e-15);
        CHECK(std::fabs(twice - (std::expm1(tau) - tau)) < 1e-15);
        CHECK(std::fabs(mirrored - std::exp(1.0 - tau)) < 2e-15);
    }
    // e^tau - 1 by its Legendre series, then its monomials, at x = 2 tau - 1 = 1/2.
    double legendre[n_coefficients]{};
    for (int k = 0; k < n; ++k) {
        for (int j = 0; j < n; ++j) {
            legendre[k] += method.legendre[j * n + k] * std::expm1(method.tau[j]);
        }
    }
    legendre[n] = last;
    double value = method.last_monomial * last;
    for (int i = n - 1; i >= 0; --i) {
        double coefficient = 0.0;
        for (int k = 0; k <= n; ++k) coefficient += method.monomial[k * n + i] * legendre[k];
        value = 0.5 * value + coefficient;
    }
    CHECK(std::fabs(value - std::expm1(0.75)) < 1e-15);
}
