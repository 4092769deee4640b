#pragma once

#include <cmath>

namespace htmu {

/// A number with its derivatives by b and delta, for code that takes plain doubles too.
struct Dual {
    double value;
    double by_b = 0.0, by_delta = 0.0;

    Dual(double x = 0.0) noexcept : value(x) {}
    Dual(double x, double b, double delta) noexcept : value(x), by_b(b), by_delta(delta) {}
};

inline Dual operator+(const Dual& x, const Dual& y) noexcept {
    return {x.value + y.value, x.by_b + y.by_b, x.by_delta + y.by_delta};
}
inline Dual operator-(const Dual& x, const Dual& y) noexcept {
    return {x.value - y.value, x.by_b - y.by_b, x.by_delta - y.by_delta};
}
inline Dual operator*(const Dual& x, const Dual& y) noexcept {
    return {x.value * y.value, x.by_b * y.value + x.value * y.by_b,
            x.by_delta * y.value + x.value * y.by_delta};
}
inline Dual operator*(double k, const Dual& x) noexcept {
    return {k * x.value, k * x.by_b, k * x.by_delta};
}
inline Dual operator/(const Dual& x, const Dual& y) noexcept {
    const double inverse = 1.0 / y.value, ratio = x.value / y.value;
    return {ratio, (x.by_b - ratio * y.by_b) * inverse,
            (x.by_delta - ratio * y.by_delta) * inverse};
}
inline Dual log(const Dual& x) noexcept {
    return {std::log(x.value), x.by_b / x.value, x.by_delta / x.value};
}
inline Dual exp(const Dual& x) noexcept {
    const double e = std::exp(x.value);
    return {e, e * x.by_b, e * x.by_delta};
}

inline double value_of(double x) noexcept {
    return x;
}
inline double value_of(const Dual& x) noexcept {
    return x.value;
}

}  // namespace htmu
