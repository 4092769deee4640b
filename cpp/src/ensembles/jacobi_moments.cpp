#include <cmath>

#include "htmu/ensembles/compensated_sum.hpp"
#include "htmu/ensembles/jacobi.hpp"
#include "htmu/special/digamma.hpp"

namespace htmu {
namespace {

/// The arguments of the Gamma functions of Selberg's integral
/// prod_{j=0}^{n-1} Gamma(A + j h) Gamma(B + j h) Gamma(1 + (j+1) h) /
///                  (Gamma(A + B + (n+j-1) h) Gamma(1 + h)),
/// h = beta/2, A = a + 1, B = b + 1, each as origin + multiple h. Calls
/// visit(origin, multiple, sign) for them all.
template <class Visit>
void for_each_gamma(const JacobiParameters& parameters, const Visit& visit) {
    const double first = parameters.a + 1.0;
    const double second = parameters.b + 1.0;
    const auto n = static_cast<double>(parameters.n);
    for (Index index = 0; index < parameters.n; ++index) {
        const auto j = static_cast<double>(index);
        visit(first, j, 1.0);
        visit(second, j, 1.0);
        visit(1.0, j + 1.0, 1.0);
        visit(first + second, n + j - 1.0, -1.0);
        visit(1.0, 1.0, -1.0);
    }
}

/// 4 Var S = sum +-w^2 psi'(x), x = p + w h, over for_each_gamma's origins p and multiples w. For
/// large beta the leading parts w^2/x = w/h - p/h^2 + p^2/(h^2 x) of the terms cancel: the signed
/// sums of w and of p vanish. So those parts are left out, which leaves
/// sum +-[w^2 (psi'(x) - 1/x) + p^2/(h^2 x)], where n h >= a + b + 2 makes what is left the
/// smaller.
double log_vandermonde_variance(const JacobiParameters& parameters) {
    const double half_beta = 0.5 * parameters.beta;
    const bool is_large = half_beta * static_cast<double>(parameters.n) >=
                          (parameters.a + 1.0) + (parameters.b + 1.0);
    CompensatedSum sum;
    for_each_gamma(parameters, [&](double origin, double multiple, double sign) {
        const double x = origin + multiple * half_beta;
        if (is_large) {
            const double ratio = origin / half_beta;
            sum.add(sign * (multiple * multiple * trigamma_excess(x) + ratio * ratio / x));
        } else if (multiple > 0.0) {
            sum.add(sign * multiple * multiple * trigamma(x));
        }
    });
    return 0.25 * sum.value();
}

/// Moments of sum log l of the ensemble with exponents first - 1 at 0 and second - 1 at 1:
/// psi(A + j h) - psi(A + B + (n+j-1) h), j = 0..n-1, and minus the same of psi'.
Moments sum_log_moments(Index n, double beta, double first, double second) {
    const double half_beta = 0.5 * beta;
    const double gap = second + half_beta * static_cast<double>(n - 1);
    CompensatedSum mean, variance;
    for (Index j = 0; j < n; ++j) {
        const double x = first + half_beta * static_cast<double>(j);
        mean.add(-digamma_difference(x, gap));
        variance.add(trigamma_difference(x, gap));
    }
    return {mean.value(), variance.value()};
}

}  // namespace

Moments log_vandermonde_moments(const JacobiParameters& parameters) {
    // A single eigenvalue has no pair: its sums cancel up to rounding.
    if (parameters.n == 1) return {};
    const double half_beta = 0.5 * parameters.beta;
    CompensatedSum mean;
    for_each_gamma(parameters, [&](double origin, double multiple, double sign) {
        if (multiple > 0.0) {
            mean.add(sign * 0.5 * multiple * digamma(origin + multiple * half_beta));
        }
    });
    return {mean.value(), log_vandermonde_variance(parameters)};
}

Moments log_determinant_moments(const JacobiParameters& parameters) {
    return sum_log_moments(parameters.n, parameters.beta, parameters.a + 1.0, parameters.b + 1.0);
}

// l -> 1 - l exchanges a and b.
Moments log_complement_moments(const JacobiParameters& parameters) {
    return sum_log_moments(parameters.n, parameters.beta, parameters.b + 1.0, parameters.a + 1.0);
}

// With X = a + 1 + (n-1) h, W = b + 1 + (n-1) h, Y = X + W: Kadell's average of the Jack polynomial
// of the partition (2) is proportional to X (X+1) / (Y (Y+1)), that of (1, 1) to
// X (X-h) / (Y (Y-h)), and (sum l)^2 = P_(2) + 2/(1+h) P_(1,1), so that
// Var sum l = n X W (Y - n h) / (Y^2 (Y+1) (Y-h)), E sum l = n X / Y.
Moments trace_moments(const JacobiParameters& parameters) {
    const auto n = static_cast<double>(parameters.n);
    const double half_beta = 0.5 * parameters.beta;
    const double first = parameters.a + 1.0;
    const double second = parameters.b + 1.0;
    const double x = first + half_beta * (n - 1.0);
    const double w = second + half_beta * (n - 1.0);
    const double y = x + w;
    // (Y - n h) / (Y - h); both factors are A + B - h for n = 1.
    const double ratio = parameters.n == 1 ? 1.0
                                           : (first + second + half_beta * (n - 2.0)) /
                                                 (first + second + half_beta * (2.0 * n - 3.0));
    return {n * (x / y), n * (x / y) * (w / y) * ratio / (y + 1.0)};
}

}  // namespace htmu
