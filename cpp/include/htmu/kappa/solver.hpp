#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "htmu/common/parallel.hpp"
#include "htmu/kappa/reference_law.hpp"
#include "htmu/structures/structured_law.hpp"

namespace htmu {

/// State of a running estimate.
struct SolverProgress {
    std::int64_t n_samples = 0;
    double kappa = 0.0;
    double half_width = 0.0;  ///< of the confidence interval
    double fraction = 0.0;    ///< of the samples that the current plan asks for
};

struct SolverOptions {
    double tolerance = 1e-3;  ///< half-width of the interval of kappa; 0: use max_samples samples
    double confidence = 0.95;
    std::uint64_t seed = 0;
    std::int64_t max_samples = 100'000'000;
    RunControl control;
    /// Called on the calling thread, at most every 100 ms; may be null.
    std::function<void(const SolverProgress&)> progress;
};

struct RobbinsMonroOptions {
    Index batch = 50;
    double gain = 1.0;          ///< > 1/2
    bool stop_on_step = false;  ///< the paper's rule: stop when a step of beta is small
};

struct KappaSolution {
    double beta = 0.0;
    double kappa = 0.0;
    double standard_error = 0.0;  ///< of kappa
    double lower = 0.0;
    double upper = 0.0;
    std::int64_t n_samples = 0;
    std::int64_t n_steps = 0;
    bool converged = false;
    double variance_reduction = 1.0;

    /// Distance from kappa to the farther end of the interval.
    [[nodiscard]] double half_width() const noexcept {
        return std::max(upper - kappa, kappa - lower);
    }
};

/// kappa by sampling q alone: E_{q_beta} T is exact (Selberg), the mean of T under q is estimated
/// with control variates and, where the law allows, by sharing blocks between spectra
/// (StructuredLaw::draw), and beta is the deterministic root.
///
/// Sequential plan. Samples are drawn in stages. The size of a stage is planned from the variance
/// found so far, and drawing stops at the end of the first stage at which the half-width is at most
/// the tolerance (Chow and Robbins, Ann. Math. Statist. 36, 457, 1965, in groups). The first stage
/// has at least `minimum_draws` draws; the interval uses Student's t for the residual degrees
/// of freedom, so that it is exact for normal residuals if the first stage is the last, and
/// asymptotically exact as the tolerance tends to 0 otherwise. Both ends of the interval are roots
/// too, so that the interval needs no linearisation, and are cut off at 0.
///
/// The result is a function of the law, the reference and (tolerance, confidence, seed,
/// max_samples) alone: the same for any number of threads.
/// Throws RepeatedEigenvalue, NonFinite, ConvergenceFailure, Cancelled.
[[nodiscard]] KappaSolution solve_selberg(StructuredLaw& law, const ReferenceLaw& reference,
                                          const SolverOptions& options);

/// Draws in the first stage of solve_selberg. Controls are skewed and coefficients are estimated,
/// which costs coverage and bias of order 1/draws: 2 % of coverage at 40 draws.
inline constexpr std::int64_t minimum_draws = 96;

/// kappa by Algorithm 1 of Hodgkinson, Wang and Mahoney (ICML 2025): stochastic approximation of
/// the same root. Step k draws `batch` spectra of q and as many of q_beta, and moves beta by
/// (gain/k) (mean T of q - mean T of q_beta) / Var_{q_beta} T.
///
/// Newton steps without the factor 1/k come first, until they are within their own noise. The
/// variance is the running mean of the earlier steps' sample variances: a step's own variance is
/// correlated with its mean, which biases beta by about mu_3 / (batch Var^2), mu_3 the third
/// central moment of T. Below beta = 0 the mean field goes on linearly, so that the central limit
/// theorem (Proposition G.5) also holds for a root at 0. Stops on the confidence half-width, after
/// at least `minimum_steps` steps.
///
/// With stop_on_step the paper's literal rule is used instead: the step's own variance, beta >= 0,
/// and a stop when the step of kappa is below the tolerance; its interval is not to be trusted.
[[nodiscard]] KappaSolution solve_robbins_monro(StructuredLaw& law, ReferenceKind kind, double a,
                                                const SolverOptions& options,
                                                const RobbinsMonroOptions& robbins_monro);

inline constexpr std::int64_t minimum_steps = 40;

}  // namespace htmu
