#include "htmu/special/digamma.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace htmu {
namespace {

constexpr double asymptotic_start = 10.0;

/// Coefficients B_{2k} / (2k), k = 1..8, of w^k, w = 1/x^2, in log x - 1/(2x) - psi(x).
constexpr std::array<double, 8> digamma_tail = {1.0 / 12.0,   -1.0 / 120.0,    1.0 / 252.0,
                                                -1.0 / 240.0, 1.0 / 132.0,     -691.0 / 32760.0,
                                                1.0 / 12.0,   -3617.0 / 8160.0};

/// Coefficients B_{2k}, k = 1..8, of w^k in x psi'(x) - 1 - 1/(2x).
constexpr std::array<double, 8> trigamma_tail = {1.0 / 6.0,   -1.0 / 30.0,    1.0 / 42.0,
                                                 -1.0 / 30.0, 5.0 / 66.0,     -691.0 / 2730.0,
                                                 7.0 / 6.0,   -3617.0 / 510.0};

/// sum c_k w^k, k = 1..8.
double series(const std::array<double, 8>& c, double w) noexcept {
    double value = 0.0;
    for (std::size_t k = c.size(); k-- > 0;) value = c[k] + w * value;
    return w * value;
}

/// (series(v) - series(w)) / (v - w), without the subtraction.
double divided_difference(const std::array<double, 8>& c, double v, double w) noexcept {
    double value = 0.0, slope = 0.0;
    for (std::size_t k = c.size(); k-- > 0;) {
        slope = value + v * slope;
        value = c[k] + w * value;
    }
    return value + v * slope;
}

}  // namespace

double digamma(double x) noexcept {
    if (!(x > 0.0)) return std::numeric_limits<double>::quiet_NaN();
    double shift = 0.0;
    while (x < asymptotic_start) {
        shift += 1.0 / x;
        x += 1.0;
    }
    return std::log(x) - 0.5 / x - series(digamma_tail, 1.0 / (x * x)) - shift;
}

double trigamma(double x) noexcept {
    if (!(x > 0.0)) return std::numeric_limits<double>::quiet_NaN();
    double shift = 0.0;
    while (x < asymptotic_start) {
        shift += 1.0 / (x * x);
        x += 1.0;
    }
    const double u = 1.0 / x;
    return u * (1.0 + 0.5 * u + series(trigamma_tail, u * u)) + shift;
}

double digamma_difference(double x, double d) noexcept {
    if (!(x > 0.0) || !(d >= 0.0)) return std::numeric_limits<double>::quiet_NaN();
    double shift = 0.0;
    while (x < asymptotic_start) {
        shift += d / (x + d) / x;
        x += 1.0;
    }
    const double u = 1.0 / x;
    const double v = 1.0 / (x + d);
    const double gap = d * u * v;  // u - v
    return std::log1p(d / x) +
           gap * (0.5 + (u + v) * divided_difference(digamma_tail, u * u, v * v)) + shift;
}

double trigamma_difference(double x, double d) noexcept {
    if (!(x > 0.0) || !(d >= 0.0)) return std::numeric_limits<double>::quiet_NaN();
    double shift = 0.0;
    while (x < asymptotic_start) {
        const double y = x + d;
        shift += d / y / x * (1.0 / x + 1.0 / y);
        x += 1.0;
    }
    const double u = 1.0 / x;
    const double v = 1.0 / (x + d);
    const double gap = d * u * v;  // u - v
    const double tail = series(trigamma_tail, u * u) +
                        v * (u + v) * divided_difference(trigamma_tail, u * u, v * v);
    return gap * (1.0 + 0.5 * (u + v) + tail) + shift;
}

double trigamma_excess(double x) noexcept {
    if (!(x > 0.0)) return std::numeric_limits<double>::quiet_NaN();
    double shift = 0.0;
    while (x < asymptotic_start) {
        shift += 1.0 / (x * x * (x + 1.0));
        x += 1.0;
    }
    const double u = 1.0 / x;
    return u * (0.5 * u + series(trigamma_tail, u * u)) + shift;
}

}  // namespace htmu
