#include "htmu/kappa/reference_law.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <utility>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/log_vandermonde.hpp"
#include "htmu/special/digamma.hpp"

namespace htmu {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr int max_iterations = 200;

/// Root on [0, max_beta] of an increasing function given with its derivative: safeguarded Newton.
/// 0 if f(0) >= 0, +infinity if f stays negative.
template <class FunctionAndSlope>
double increasing_root(const FunctionAndSlope& function) {
    double low = 0.0;
    auto [value, slope] = function(low);
    if (value >= 0.0) return 0.0;
    double high = infinity;
    double beta = 0.0;
    for (int iteration = 0; iteration < max_iterations; ++iteration) {
        double next = slope > 0.0 ? beta - value / slope : infinity;
        // Outside the bracket, or growing fast (the function flattens): double or bisect.
        if (!(next < high)) next = std::isfinite(high) ? 0.5 * (low + high) : 2.0 * beta + 1e-3;
        if (!(next > low)) next = std::isfinite(high) ? 0.5 * (low + high) : 2.0 * beta + 1e-3;
        if (!std::isfinite(high)) next = std::min(next, 10.0 * beta + 1.0);
        if (next > max_beta) return infinity;
        const double step = next - beta;
        beta = next;
        if (std::fabs(step) <= 4e-16 * beta) return beta;
        std::tie(value, slope) = function(beta);
        if (value == 0.0) return beta;
        (value < 0.0 ? low : high) = beta;
        // Newton converges quadratically: this step's error is far below one rounding.
        if (std::fabs(step) <= 1e-9 * beta && std::fabs(value) <= 1e-9 * slope * beta) {
            const double last = beta - value / slope;
            return last > low && last < high ? last : beta;
        }
        if (std::isfinite(high) && high - low <= 4e-16 * high) return beta;
    }
    throw ConvergenceFailure("the root of E S(beta) did not converge; please report the input");
}

/// References `weight` and `shape`.
class FixedExponentReference final : public ReferenceLaw {
   public:
    FixedExponentReference(ReferenceKind kind, Index n, double a) : kind_(kind), n_(n), a_(a) {
        check_parameters({n, 0.0, a, 1.0});
    }

    [[nodiscard]] std::size_t n_responses() const override { return 1; }

    [[nodiscard]] Responses responses(const SpectrumStatistics& statistics) const override {
        double t = statistics.log_vandermonde;
        if (kind_ == ReferenceKind::shape) t -= n_pairs(n_) * statistics.log_sum;
        return {t, 0.0, 0.0};
    }

    [[nodiscard]] double solve(const Responses& means, double shift) const override {
        const double target = means[0] + shift;
        return increasing_root([&](double beta) {
            const Moments moments = reference_moments(kind_, {n_, beta, a_, 1.0});
            return std::pair(moments.mean - target, moments.variance);
        });
    }

    [[nodiscard]] Sensitivity sensitivity(double beta, const Responses& /*means*/) const override {
        return {reference_moments(kind_, {n_, std::min(beta, max_beta), a_, 1.0}).variance,
                {1.0, 0.0, 0.0}};
    }

   private:
    ReferenceKind kind_;
    Index n_;
    double a_;
};

/// Reference `full`: for each beta the exponent and the rate follow from the means of sum log l
/// and sum l, which leaves one equation for beta.
class FreeExponentReference final : public ReferenceLaw {
   public:
    explicit FreeExponentReference(Index n) : n_(n) {}

    [[nodiscard]] std::size_t n_responses() const override { return 3; }

    [[nodiscard]] Responses responses(const SpectrumStatistics& statistics) const override {
        return {statistics.log_vandermonde, statistics.sum_log, statistics.sum};
    }

    [[nodiscard]] double solve(const Responses& means, double shift) const override {
        return increasing_root([&](double beta) {
            const LaguerreParameters profile = profile_at(beta, means);
            const Moments moments = log_vandermonde_moments(profile);
            return std::pair(moments.mean - means[0] - shift, fisher(profile).slope);
        });
    }

    [[nodiscard]] Sensitivity sensitivity(double beta, const Responses& means) const override {
        return fisher(profile_at(std::min(beta, max_beta), means));
    }

   private:
    /// The exponent solves sum psi(a+1+j beta/2) - N log(trace shape / N) = mean sum log l -
    /// N log(mean sum l / N), increasing in a; the rate then matches the trace.
    [[nodiscard]] LaguerreParameters profile_at(double beta, const Responses& means) const {
        const auto n = static_cast<double>(n_);
        const double target = means[1] - n * std::log(means[2] / n);
        const auto excess = [&](double log_first, double& slope) {
            const LaguerreParameters parameters{n_, beta, std::exp(log_first) - 1.0, 1.0};
            const Moments log_determinant = log_determinant_moments(parameters);
            const double shape = trace_shape(parameters);
            slope = (log_determinant.variance - n * n / shape) * std::exp(log_first);
            return log_determinant.mean - n * std::log(shape / n) - target;
        };
        // Newton on the logarithm of a + 1 inside a bracket that grows.
        double low = -35.0, high = 35.0, x = 0.0;
        for (int iteration = 0; iteration < max_iterations; ++iteration) {
            double slope = 0.0;
            const double value = excess(x, slope);
            (value < 0.0 ? low : high) = x;
            double next = slope > 0.0 ? x - value / slope : low;
            if (!(next > low && next < high)) next = 0.5 * (low + high);
            const double step = std::fabs(next - x);
            x = next;
            if (step < 1e-13 || high - low < 1e-13) break;
        }
        LaguerreParameters parameters{n_, beta, std::exp(x) - 1.0, 1.0};
        parameters.a = std::max(parameters.a, -1.0 + 1e-15);
        parameters.rate = trace_shape(parameters) / means[2];
        return parameters;
    }

    /// Schur complement of the Fisher information of (beta, a, -rate) and the weights of
    /// (S, sum log l, sum l) in the efficient score of beta.
    [[nodiscard]] Sensitivity fisher(const LaguerreParameters& p) const {
        const auto n = static_cast<double>(n_);
        double s_log = 0.0;
        for (Index index = 0; index < n_; ++index) {
            const auto j = static_cast<double>(index);
            s_log += 0.5 * j * trigamma(p.a + 1.0 + 0.5 * j * p.beta);
        }
        const double s_s = log_vandermonde_moments(p).variance;
        const double log_log = log_determinant_moments(p).variance;
        const double s_sum = n_pairs(n_) / p.rate;
        const double log_sum = n / p.rate;
        const double sum_sum = trace_moments(p).variance;
        const double determinant = log_log * sum_sum - log_sum * log_sum;
        const double on_log = (s_log * sum_sum - s_sum * log_sum) / determinant;
        const double on_sum = (s_sum * log_log - s_log * log_sum) / determinant;
        return {s_s - on_log * s_log - on_sum * s_sum, {1.0, -on_log, -on_sum}};
    }

    Index n_;
};

}  // namespace

Moments reference_moments(ReferenceKind kind, const LaguerreParameters& parameters) {
    Moments moments = log_vandermonde_moments(parameters);
    if (kind == ReferenceKind::shape) {
        // Under q_beta the trace, Gamma(A), is independent of the shape: S = S_shape + pairs log
        // trace, a sum of independent terms.
        const double pairs = n_pairs(parameters.n);
        const double trace = trace_shape(parameters);
        moments.mean -= pairs * (digamma(trace) - std::log(parameters.rate));
        moments.variance -= pairs * pairs * trigamma(trace);
    }
    return moments;
}

std::unique_ptr<ReferenceLaw> make_reference(ReferenceKind kind, Index n, double a) {
    if (n < 2) {
        throw InvalidInput("kappa needs a matrix size N of at least 2, got N = " +
                           std::to_string(n));
    }
    if (kind == ReferenceKind::full) return std::make_unique<FreeExponentReference>(n);
    return std::make_unique<FixedExponentReference>(kind, n, a);
}

}  // namespace htmu
