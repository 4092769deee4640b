#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "htmu/common/errors.hpp"
#include "htmu/common/lockstep.hpp"
#include "htmu/kappa/regression.hpp"
#include "htmu/kappa/solver.hpp"
#include "htmu/linalg/rows.hpp"
#include "htmu/linalg/tridiagonal.hpp"
#include "htmu/special/quantiles.hpp"

namespace htmu {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int max_warm_up_steps = 200;

/// Mean and variance of T over one batch.
struct BatchMoments {
    double mean = 0.0;
    double variance = 0.0;
};

class RobbinsMonroSolver {
   public:
    RobbinsMonroSolver(StructuredLaw& law, ReferenceKind kind, double a,
                       const SolverOptions& options, const RobbinsMonroOptions& robbins_monro)
        : law_(law),
          reference_(make_reference(kind, law.matrix_size(), a)),
          a_(a),
          options_(options),
          own_(robbins_monro),
          structure_key_(options.seed, Purpose::structure),
          reference_key_(options.seed, Purpose::reference_law),
          n_(static_cast<double>(law.matrix_size())),
          quantile_(normal_quantile(0.5 * (1.0 + options.confidence))) {}

    KappaSolution solve() {
        warm_up();
        return own_.stop_on_step ? run_literal() : run();
    }

   private:
    /// Newton steps until one is within three standard errors of its own noise.
    void warm_up() {
        for (int step = 0; step < max_warm_up_steps && can_draw(2); ++step) {
            draw_both(beta_);
            const double noise = std::sqrt((of_structure_.variance + of_reference_.variance) /
                                           static_cast<double>(own_.batch)) /
                                 of_reference_.variance;
            const double move = (of_structure_.mean - of_reference_.mean) / of_reference_.variance;
            beta_ = std::max(0.0, beta_ + move);
            warm_variance_ = of_reference_.variance;
            if (std::fabs(move) < 3.0 * noise || (beta_ == 0.0 && move < 0.0)) return;
        }
    }

    KappaSolution run() {
        double state = beta_;  // may go below 0, where the mean field is continued linearly
        std::int64_t step = 0;
        KappaSolution solution;
        while (!solution.converged && can_draw(1)) {
            ++step;
            const double inside = std::max(0.0, state);
            draw_both(inside);
            const double slope = (warm_variance_ + reference_sum_) / static_cast<double>(step);
            const double field =
                (of_structure_.mean - of_reference_.mean) / slope - (state - inside);
            state += own_.gain / static_cast<double>(step) * field;
            solution = solution_at(state, step);
            solution.converged = step >= minimum_steps && options_.tolerance > 0.0 &&
                                 solution.half_width() <= options_.tolerance;
            report(solution);
        }
        return solution;
    }

    KappaSolution run_literal() {
        KappaSolution solution;
        for (std::int64_t step = 1; !solution.converged && can_draw(1); ++step) {
            draw_both(beta_);
            const double before = beta_;
            const double move = (of_structure_.mean - of_reference_.mean) / of_reference_.variance;
            beta_ = std::max(0.0, beta_ + own_.gain / static_cast<double>(step) * move);
            solution = solution_at(beta_, step);
            solution.converged = n_ * std::fabs(beta_ - before) < options_.tolerance;
            report(solution);
        }
        return solution;
    }

    /// Whether that many batches are left. The warm-up leaves one for the first step.
    [[nodiscard]] bool can_draw(Index n_batches) const {
        return n_drawn_ + n_batches * own_.batch <=
               std::min(options_.max_samples, law_.available_samples());
    }

    /// Counts the batch just drawn, and states what step number `step` knows: the error follows
    /// from Proposition G.5 with the batches' mean variances.
    [[nodiscard]] KappaSolution solution_at(double state, std::int64_t step) {
        structure_sum_ += of_structure_.variance;
        reference_sum_ += of_reference_.variance;
        const double error =
            own_.gain / std::sqrt(2.0 * own_.gain - 1.0) *
            std::sqrt((structure_sum_ + reference_sum_) / static_cast<double>(own_.batch)) /
            reference_sum_;
        KappaSolution solution;
        solution.beta = std::max(0.0, state);
        solution.kappa = n_ * solution.beta;
        solution.standard_error = n_ * error;
        solution.lower = std::max(0.0, n_ * (state - quantile_ * error));
        solution.upper = std::max(0.0, n_ * (state + quantile_ * error));
        solution.n_samples = n_drawn_;
        solution.n_steps = step;
        return solution;
    }

    void report(const KappaSolution& solution) {
        if (!options_.progress) return;
        const auto now = Clock::now();
        if (now - last_report_ < std::chrono::milliseconds(100)) return;
        last_report_ = now;
        const double width = solution.half_width();
        const double share = options_.tolerance / width;
        options_.progress({n_drawn_, solution.kappa, width, std::min(1.0, share * share)});
    }

    /// One batch of q and one of q_beta.
    void draw_both(double beta) {
        const auto first = static_cast<std::uint64_t>(n_drawn_);
        law_.prepare(first, own_.batch);
        of_structure_ =
            draw([&](SampleRange samples, StructureWorkspace& workspace, Span eigenvalues) {
                std::vector<double>& controls = workspace.controls;
                controls.resize(static_cast<std::size_t>(samples.count) *
                                law_.control_variates().size());
                law_.sample(structure_key_, samples, workspace, eigenvalues, controls);
            });
        const LaguerreSampler sampler({law_.matrix_size(), beta, a_, 1.0});
        of_reference_ =
            draw([&](SampleRange samples, StructureWorkspace& workspace, Span eigenvalues) {
                sample_spectra(sampler, reference_key_, {samples.first, samples.count, 1},
                               sufficient_accuracy(a_), workspace.control, workspace.spectra,
                               {eigenvalues, {}, {}});
            });
        n_drawn_ += own_.batch;
    }

    template <class SampleSpectra>
    BatchMoments draw(const SampleSpectra& sample_spectra_of) {
        workspaces_.resize(thread_slots(options_.control));
        eigenvalues_.resize(workspaces_.size());
        values_.resize(static_cast<std::size_t>(own_.batch));
        const Index n = law_.matrix_size();
        const Index n_groups = (own_.batch + lockstep_lanes - 1) / lockstep_lanes;
        const double cost = spectrum_cost(n) * static_cast<double>(lockstep_lanes);
        const WorkerControls controls(options_.control);
        for_each_row(n_groups, cost, controls.team(), [&](Index group, std::size_t worker) {
            workspaces_[worker].control = controls[worker];
            const Index first = group * lockstep_lanes;
            const Index count = std::min(lockstep_lanes, own_.batch - first);
            const auto number = static_cast<std::uint64_t>(n_drawn_ + first);
            std::vector<double>& spectra = eigenvalues_[worker];
            spectra.resize(static_cast<std::size_t>(count * n));
            sample_spectra_of(SampleRange{number, count}, workspaces_[worker], Span(spectra));
            for (Index k = 0; k < count; ++k) {
                const SpectrumStatistics statistics = spectrum_statistics(
                    row_of(ConstSpan(spectra), k, n), number + static_cast<std::uint64_t>(k));
                values_[static_cast<std::size_t>(first + k)] = reference_->responses(statistics)[0];
            }
        });
        const MomentAccumulator moments = MomentAccumulator::of_rows(values_, 1);
        return {moments.mean(0), moments.scatter(0, 0) / (moments.count() - 1.0)};
    }

    StructuredLaw& law_;
    std::unique_ptr<ReferenceLaw> reference_;
    double a_;
    const SolverOptions& options_;
    const RobbinsMonroOptions& own_;
    StreamKey structure_key_;
    StreamKey reference_key_;
    double n_;
    double quantile_;
    double beta_ = 0.0;
    double warm_variance_ = 1.0;
    double structure_sum_ = 0.0;  // of the sample variances since the warm-up
    double reference_sum_ = 0.0;
    std::int64_t n_drawn_ = 0;
    BatchMoments of_structure_;
    BatchMoments of_reference_;
    std::vector<StructureWorkspace> workspaces_;
    std::vector<std::vector<double>> eigenvalues_;
    std::vector<double> values_;
    Clock::time_point last_report_ = Clock::now();
};

}  // namespace

KappaSolution solve_robbins_monro(StructuredLaw& law, ReferenceKind kind, double a,
                                  const SolverOptions& options,
                                  const RobbinsMonroOptions& robbins_monro) {
    if (kind == ReferenceKind::full) {
        throw InvalidInput(
            "Algorithm 1 keeps the exponent fixed, got reference 'full'; use 'weight' or 'shape', "
            "or method='selberg'");
    }
    const std::int64_t most = std::min(options.max_samples, law.available_samples());
    if (most < 2 * robbins_monro.batch) {
        throw InvalidInput("Algorithm 1 needs at least two batches of " +
                           std::to_string(robbins_monro.batch) + " samples, got " +
                           std::to_string(most) +
                           "; raise max_samples, give more spectra, or "
                           "lower batch");
    }
    return RobbinsMonroSolver(law, kind, a, options, robbins_monro).solve();
}

}  // namespace htmu
