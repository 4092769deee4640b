#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "htmu/common/errors.hpp"
#include "htmu/kappa/sampling.hpp"
#include "htmu/kappa/solver.hpp"
#include "htmu/special/quantiles.hpp"

namespace htmu {
namespace {

using Clock = std::chrono::steady_clock;

/// The largest factor by which one stage enlarges the sample: keeps a plan made from few samples
/// from overshooting far.
constexpr double max_growth = 32.0;

/// Error of the mean of T and of its closed form, in units of eps: sums of up to N terms, measured
/// at a few units for every N.
constexpr double rounding_units = 8.0;

class SelbergSolver {
   public:
    SelbergSolver(StructuredLaw& law, const ReferenceLaw& reference, const SolverOptions& options)
        : law_(law),
          reference_(reference),
          options_(options),
          sampler_(limited(law, options), reference, options.seed),
          moments_(sampler_.dimension()),
          spectra_per_draw_(law.spectra_per_draw()),
          limit_(std::min(options.max_samples, law.available_samples()) / spectra_per_draw_) {
        for (const ControlVariate& control : law.control_variates()) {
            control_means_.push_back(control.mean);
        }
    }

    KappaSolution solve() {
        std::int64_t target = std::min<std::int64_t>(limit_, whole_chunks(minimum_draws));
        if (options_.tolerance == 0.0) target = limit_;
        KappaSolution solution;
        for (;;) {
            draw_until(target);
            ++n_stages_;
            solution = evaluate();
            if (solution.converged || n_drawn_ >= limit_) return solution;
            target = next_target(solution);
        }
    }

   private:
    /// The law, with draws small enough for a first stage within max_samples.
    static StructuredLaw& limited(StructuredLaw& law, const SolverOptions& options) {
        const std::int64_t most = options.max_samples / minimum_draws;
        law.limit_spectra_per_draw(static_cast<Index>(std::max<std::int64_t>(1, most)));
        return law;
    }

    [[nodiscard]] std::int64_t whole_chunks(std::int64_t n) const {
        const std::int64_t chunk = sampler_.chunk();
        return (n + chunk - 1) / chunk * chunk;
    }

    void draw_until(std::int64_t target) {
        const Index round =
            sampler_.chunk() * sampler_.chunks_per_round(options_.control.n_threads);
        while (n_drawn_ < target) {
            const auto count = static_cast<Index>(std::min<std::int64_t>(round, target - n_drawn_));
            sampler_.accumulate(static_cast<std::uint64_t>(n_drawn_), count, options_.control,
                                moments_);
            n_drawn_ += count;
            report(target);
        }
    }

    void report(std::int64_t target) {
        if (!options_.progress || n_drawn_ < 8) return;
        const auto now = Clock::now();
        if (now - last_report_ < std::chrono::milliseconds(100)) return;
        last_report_ = now;
        const KappaSolution now_known = evaluate();
        options_.progress({n_drawn_ * spectra_per_draw_, now_known.kappa, now_known.half_width(),
                           static_cast<double>(n_drawn_) / static_cast<double>(target)});
    }

    [[nodiscard]] KappaSolution evaluate() const {
        const std::size_t n_responses = reference_.n_responses();
        const ControlRegression regression(moments_, n_responses, control_means_);
        ReferenceLaw::Responses means{};
        for (std::size_t i = 0; i < n_responses; ++i) means[i] = regression.adjusted_mean(i);

        const auto n = static_cast<double>(law_.matrix_size());
        KappaSolution solution;
        solution.beta = reference_.solve(means, 0.0);
        if (!std::isfinite(solution.beta)) {
            throw ConvergenceFailure(
                "the spectra repel more strongly than any beta-ensemble of this weight (beta > "
                "1e9): kappa is infinite; check alpha and the scale of the eigenvalues, or use "
                "reference='full'");
        }
        const ReferenceLaw::Sensitivity sensitivity = reference_.sensitivity(solution.beta, means);
        const ConstSpan weights(sensitivity.weights.data(), n_responses);
        // Where the controls explain T wholly, what is left is the rounding of T itself.
        const double rounding = rounding_units * std::numeric_limits<double>::epsilon() *
                                (std::fabs(means[0]) + static_cast<double>(law_.matrix_size()));
        const double error = std::hypot(regression.standard_error(weights), rounding);
        const double quantile =
            student_t_quantile(0.5 * (1.0 + options_.confidence), regression.degrees_of_freedom());
        solution.kappa = n * solution.beta;
        solution.standard_error = n * error / sensitivity.slope;
        solution.lower = std::min(solution.kappa, n * reference_.solve(means, -quantile * error));
        solution.upper = std::max(solution.kappa, n * reference_.solve(means, quantile * error));
        solution.n_samples = n_drawn_ * spectra_per_draw_;
        solution.n_steps = n_stages_;
        const double plain_variance =
            moments_.variance(moments_.dimension() - n_responses, weights) /
            static_cast<double>(solution.n_samples);
        solution.variance_reduction =
            plain_variance / std::max(error * error, 1e-16 * plain_variance);
        solution.converged =
            options_.tolerance == 0.0 || solution.half_width() <= options_.tolerance;
        return solution;
    }

    [[nodiscard]] std::int64_t next_target(const KappaSolution& solution) const {
        const double ratio = solution.half_width() / options_.tolerance;
        const auto drawn = static_cast<double>(n_drawn_);
        // The margin makes one more stage unlikely: the variance is known to sqrt(2/drawn).
        const double margin = 1.0 + 2.0 / std::sqrt(drawn);
        const double wanted = std::isfinite(ratio)
                                  ? drawn * std::min(ratio * ratio * margin, max_growth)
                                  : drawn * max_growth;
        const double capped = std::min(wanted, static_cast<double>(limit_));
        return std::min(limit_, whole_chunks(std::max(static_cast<std::int64_t>(std::ceil(capped)),
                                                      n_drawn_ + 1)));
    }

    StructuredLaw& law_;
    const ReferenceLaw& reference_;
    const SolverOptions& options_;
    SpectrumSampler sampler_;
    MomentAccumulator moments_;
    std::vector<double> control_means_;
    std::int64_t spectra_per_draw_;
    std::int64_t limit_;  // draws
    std::int64_t n_drawn_ = 0;
    std::int64_t n_stages_ = 0;
    Clock::time_point last_report_ = Clock::now();
};

}  // namespace

KappaSolution solve_selberg(StructuredLaw& law, const ReferenceLaw& reference,
                            const SolverOptions& options) {
    return SelbergSolver(law, reference, options).solve();
}

}  // namespace htmu
