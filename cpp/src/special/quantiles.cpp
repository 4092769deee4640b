#include "htmu/special/quantiles.hpp"

#include <array>
#include <cmath>
#include <limits>

namespace htmu {
namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

double polynomial(const std::array<double, 8>& coefficients, double x) noexcept {
    double value = coefficients[7];
    for (int k = 6; k >= 0; --k) value = value * x + coefficients[static_cast<std::size_t>(k)];
    return value;
}

// Coefficients of AS 241, PPND16: numerator and denominator for the centre, the near tail and the
// far tail.
constexpr std::array<double, 8> centre_p{3.3871328727963666080e0,  1.3314166789178437745e+2,
                                         1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                         4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                         3.3430575583588128105e+4, 2.5090809287301226727e+3};
constexpr std::array<double, 8> centre_q{1.0,
                                         4.2313330701600911252e+1,
                                         6.8718700749205790830e+2,
                                         5.3941960214247511077e+3,
                                         2.1213794301586595867e+4,
                                         3.9307895800092710610e+4,
                                         2.8729085735721942674e+4,
                                         5.2264952788528545610e+3};
constexpr std::array<double, 8> near_p{1.42343711074968357734e0,  4.63033784615654529590e0,
                                       5.76949722146069140550e0,  3.64784832476320460504e0,
                                       1.27045825245236838258e0,  2.41780725177450611770e-1,
                                       2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr std::array<double, 8> near_q{1.0,
                                       2.05319162663775882187e0,
                                       1.67638483018380384940e0,
                                       6.89767334985100004550e-1,
                                       1.48103976427480074590e-1,
                                       1.51986665636164571966e-2,
                                       5.47593808499534494600e-4,
                                       1.05075007164441684324e-9};
constexpr std::array<double, 8> far_p{6.65790464350110377720e0,  5.46378491116411436990e0,
                                      1.78482653991729133580e0,  2.96560571828504891230e-1,
                                      2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                      2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr std::array<double, 8> far_q{1.0,
                                      5.99832206555887937690e-1,
                                      1.36929880922735805310e-1,
                                      1.48753612908506148525e-2,
                                      7.86869131145613259100e-4,
                                      1.84631831751005468180e-5,
                                      1.42151175831644588870e-7,
                                      2.04426310338993978564e-15};

/// Continued fraction of the incomplete beta function, by Lentz's method; a, b > 0 and x below
/// (a + 1)/(a + b + 2), where it converges fast.
double beta_fraction(double a, double b, double x) noexcept {
    constexpr double tiny = 1e-300;
    double c = 1.0;
    double d = 1.0 - (a + b) * x / (a + 1.0);
    d = 1.0 / (std::fabs(d) < tiny ? tiny : d);
    double value = d;
    for (int m = 1; m < 10000; ++m) {
        for (const double numerator :
             {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
              -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))}) {
            d = 1.0 + numerator * d;
            d = 1.0 / (std::fabs(d) < tiny ? tiny : d);
            c = 1.0 + numerator / c;
            if (std::fabs(c) < tiny) c = tiny;
            value *= d * c;
        }
        if (std::fabs(d * c - 1.0) < 1e-16) break;
    }
    return value;
}

/// Upper tail P(T > t) of Student's law for t >= 0: half the incomplete beta function at
/// dof/(dof + t^2).
double student_t_tail(double t, double dof) noexcept {
    const double a = 0.5 * dof;
    const double b = 0.5;
    const double x = dof / (dof + t * t);
    const double y = t * t / (dof + t * t);
    const double log_front =
        std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log(y);
    if (t == 0.0) return 0.5;
    if (x < (a + 1.0) / (a + b + 2.0)) {
        return 0.5 * std::exp(log_front) * beta_fraction(a, b, x) / a;
    }
    return 0.5 * (1.0 - std::exp(log_front) * beta_fraction(b, a, y) / b);
}

}  // namespace

double normal_quantile(double probability) noexcept {
    if (!(probability > 0.0 && probability < 1.0)) return nan_value;
    const double q = probability - 0.5;
    if (std::fabs(q) <= 0.425) {
        const double r = 0.180625 - q * q;
        return q * polynomial(centre_p, r) / polynomial(centre_q, r);
    }
    const double r = std::sqrt(-std::log(q < 0.0 ? probability : 1.0 - probability));
    const double magnitude = r <= 5.0 ? polynomial(near_p, r - 1.6) / polynomial(near_q, r - 1.6)
                                      : polynomial(far_p, r - 5.0) / polynomial(far_q, r - 5.0);
    return q < 0.0 ? -magnitude : magnitude;
}

double student_t_quantile(double probability, double dof) noexcept {
    if (!(probability > 0.0 && probability < 1.0) || !(dof >= 1.0)) return nan_value;
    if (probability == 0.5) return 0.0;
    const double sign = probability < 0.5 ? -1.0 : 1.0;
    const double tail = probability < 0.5 ? probability : 1.0 - probability;
    const double z = -normal_quantile(tail);
    if (dof > 1e10) return sign * z;

    // For few degrees of freedom the tail is a power, t ~ tail^(-1/dof): start in its logarithm.
    const double z2 = z * z;
    double t = dof < 5.0 ? std::sqrt(dof * (std::pow(2.0 * tail, -2.0 / dof) - 1.0 + 1e-12))
                         : z * (1.0 + (z2 + 1.0) / (4.0 * dof) +
                                (5.0 * z2 * z2 + 16.0 * z2 + 3.0) / (96.0 * dof * dof));
    const double log_norm = std::lgamma(0.5 * (dof + 1.0)) - std::lgamma(0.5 * dof) -
                            0.5 * std::log(dof * 3.14159265358979323846);
    for (int iteration = 0; iteration < 100; ++iteration) {
        // Newton on log(tail) against log(t): convex and safe from either side.
        const double upper = student_t_tail(t, dof);
        const double log_density = log_norm - 0.5 * (dof + 1.0) * std::log1p(t * t / dof);
        const double slope = -std::exp(log_density) * t / upper;
        const double step = std::log(tail / upper) / slope;
        t *= std::exp(std::fmax(-1.0, std::fmin(1.0, step)));
        if (std::fabs(step) < 1e-13) break;
    }
    return sign * t;
}

}  // namespace htmu
