#include "htmp_start.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "dual.hpp"
#include "htmu/common/errors.hpp"

namespace htmu {
namespace {

using std::exp;
using std::log;

constexpr int n_iterations = 14;
constexpr std::size_t n_terms = 2 * n_iterations + 3;
/// Taylor coefficients in s about the start; each iteration spends two of them.
template <class Number>
using Jet = std::array<Number, n_terms>;

/// Q(s) = b y - (y - delta)^2 / 4 - y / 2 with y = y0 e^s.
template <class Number>
Jet<Number> potential(const Number& b, const Number& delta, const Number& y, const Number& gap) {
    Jet<Number> q{};
    const Number linear = y * (b + 0.5 * delta - Number(0.5));
    const Number square = 0.25 * (y * y);
    double factorial = 1.0, power = 1.0;
    for (std::size_t k = 0; k < n_terms; ++k) {
        q[k] = (1.0 / factorial) * linear - (power / factorial) * square;
        factorial *= static_cast<double>(k + 1);
        power *= 2.0;
    }
    q[0] = b * y - 0.25 * (gap * gap) - 0.5 * y;
    return q;
}

template <class Number>
Jet<Number> logarithm(const Jet<Number>& p, std::size_t length) {
    Jet<Number> l{};
    l[0] = log(p[0]);
    const Number inverse = Number(1.0) / p[0];
    for (std::size_t k = 1; k < length; ++k) {
        Number sum = static_cast<double>(k) * p[k];
        for (std::size_t j = 1; j < k; ++j) sum = sum - static_cast<double>(j) * (l[j] * p[k - j]);
        l[k] = (1.0 / static_cast<double>(k)) * (sum * inverse);
    }
    return l;
}

template <class Number>
struct Phase {
    Number log_rate, slope;  ///< l = log V and l'
};

/// Iterates V^2 <- Q + l'^2/4 - l''/2 while the change shrinks: it is an asymptotic series in
/// 1 / b, whose terms fall below rounding error for b >= 60 and b y >= 130.
template <class Number>
Phase<Number> wkb(const Number& b, const Number& delta, const Number& y, const Number& gap) {
    const Jet<Number> q = potential(b, delta, y, gap);
    Jet<Number> p = q;
    Phase<Number> best{};
    double change = std::numeric_limits<double>::infinity();
    std::size_t length = n_terms;
    for (int iteration = 0; iteration <= n_iterations; ++iteration) {
        const Jet<Number> l = logarithm(p, length);
        const Phase<Number> next{0.5 * l[0], 0.5 * l[1]};
        if (iteration > 0) {
            const double slope = value_of(next.slope);
            const double now = std::fabs(value_of(next.log_rate) - value_of(best.log_rate)) +
                               std::fabs(slope - value_of(best.slope)) / (1.0 + std::fabs(slope));
            if (now >= change && change < 1e-9) break;
            change = now;
        }
        best = next;
        if (change < 1e-17 || iteration == n_iterations) break;
        length -= 2;
        Jet<Number> following{};
        for (std::size_t k = 0; k < length; ++k) {
            Number sum(0.0);
            for (std::size_t j = 0; j <= k; ++j) {
                const auto factor = static_cast<double>((j + 1) * (k - j + 1));
                sum = sum + factor * (l[j + 1] * l[k - j + 1]);
            }
            following[k] =
                q[k] + 0.0625 * sum - (0.25 * static_cast<double>((k + 1) * (k + 2))) * l[k + 2];
        }
        p = following;
    }
    if (!(change < 1e-13)) {
        throw ConvergenceFailure("the WKB start of the HTMP law did not converge for b = " +
                                 std::to_string(value_of(b)) +
                                 ", delta = " + std::to_string(value_of(delta)));
    }
    return best;
}

struct Parameters {
    double b, delta;
};
/// The parameters as numbers that carry their derivatives, if they carry any.
template <class Number>
void take(const Parameters& from, Number& b, Number& delta) {
    if constexpr (requires { b.by_b; }) {
        b = Number(from.b, 1.0, 0.0);
        delta = Number(from.delta, 0.0, 1.0);
    } else {
        b = from.b;
        delta = from.delta;
    }
}

}  // namespace

template <class Number>
HtmpStart<Number> htmp_start(double b_value, double delta_value) {
    const double mean = b_value + delta_value;
    // A multiple of 2^-40, as all points of the march.
    const double s = mean >= 0.1 ? 0.0 : std::nearbyint(std::log(0.1 / mean) * 0x1p40) * 0x1p-40;
    Number b, delta;
    take({b_value, delta_value}, b, delta);
    const Number y = std::exp(s) * (b + delta);
    // y - delta, which is b where x = 1, without cancellation.
    const Number gap = s == 0.0 ? b : y - delta;
    const double needed = std::max(60.0, 130.0 / value_of(y));
    const int n_steps = b_value >= needed ? 0 : static_cast<int>(std::ceil(needed - b_value));
    const Phase<Number> phase = wkb(b + Number(static_cast<double>(n_steps)), delta, y, gap);
    const Number log_pi(std::log(std::numbers::pi));
    if (n_steps == 0) return {s, phase.log_rate - log(b) - log_pi, phase.slope};

    // H = u + i V, H_a = a (H + y) / (a + delta - y - H); V / b in the last step, which stays
    // accurate as b -> 0.
    Number u = -0.5 * (gap + phase.slope), v = exp(phase.log_rate);
    for (int k = n_steps - 1; k > 0; --k) {
        const Number a = b + Number(static_cast<double>(k));
        const Number d = a - gap - u;
        const Number scale = a / (d * d + v * v);
        u = scale * ((u + y) * d - v * v);
        v = scale * ((a + delta) * v);
    }
    const Number d = b - gap - u;
    const Number inverse = Number(1.0) / (d * d + v * v);
    const Number last_u = b * inverse * ((u + y) * d - v * v);
    return {s, log((b + delta) * v * inverse) - log_pi, -1.0 * gap - 2.0 * last_u};
}

template HtmpStart<double> htmp_start<double>(double b, double delta);
template HtmpStart<Dual> htmp_start<Dual>(double b, double delta);

}  // namespace htmu
