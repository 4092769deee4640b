#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "htmu/common/errors.hpp"
#include "htmu/kappa/regression.hpp"
#include "htmu/kappa/solver.hpp"
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
        for (int step = 0; step < max_warm_up_steps && can_draw(); ++step) {
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
        double reference_sum = warm_variance_, structure_sum = 0.0, slope_sum = 0.0;
        double state = beta_;  // may go below 0, where the mean field is continued linearly
        std::int64_t step = 0;
        KappaSolution solution;
        while (!solution.converged && (can_draw() || step == 0)) {
            ++step;
            const double inside = std::max(0.0, state);
            draw_both(inside);
            const double slope = reference_sum / static_cast<double>(step);
            const double field =
                (of_structure_.mean - of_reference_.mean) / slope - (state - inside);
            state += own_.gain / static_cast<double>(step) * field;
            reference_sum += of_reference_.variance;
            structure_sum += of_structure_.variance;
            slope_sum += of_reference_.variance;
            const double error =
                own_.gain / std::sqrt(2.0 * own_.gain - 1.0) *
                std::sqrt((structure_sum + slope_sum) / static_cast<double>(step * own_.batch)) /
                std::sqrt(static_cast<double>(step)) / (slope_sum / static_cast<double>(step));
            solution = solution_at(state, error, step);
            solution.converged = step >= minimum_steps && options_.tolerance > 0.0 &&
                                 half_width(solution) <= options_.tolerance;
            report(solution);
        }
        return solution;
    }

    KappaSolution run_literal() {
        KappaSolution solution;
        double structure_sum = 0.0, reference_sum = 0.0;
        for (std::int64_t step = 1; !solution.converged && (can_draw() || step == 1); ++step) {
            draw_both(beta_);
            const double before = beta_;
            const double move = (of_structure_.mean - of_reference_.mean) / of_reference_.variance;
            beta_ = std::max(0.0, beta_ + own_.gain / static_cast<double>(step) * move);
            structure_sum += of_structure_.variance;
            reference_sum += of_reference_.variance;
            const auto k = static_cast<double>(step);
            const double error = own_.gain / std::sqrt(2.0 * own_.gain - 1.0) *
                                 std::sqrt((structure_sum + reference_sum) /
                                           (k * k * static_cast<double>(own_.batch))) /
                                 (reference_sum / k);
            solution = solution_at(beta_, error, step);
            solution.converged = n_ * std::fabs(beta_ - before) < options_.tolerance;
            report(solution);
        }
        return solution;
    }

    [[nodiscard]] bool can_draw() const {
        return n_drawn_ + own_.batch <= std::min(options_.max_samples, law_.available_samples());
    }

    [[nodiscard]] KappaSolution solution_at(double state, double error, std::int64_t step) const {
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

    [[nodiscard]] static double half_width(const KappaSolution& solution) {
        return std::max(solution.upper - solution.kappa, solution.kappa - solution.lower);
    }

    void report(const KappaSolution& solution) {
        if (!options_.progress) return;
        const auto now = Clock::now();
        if (now - last_report_ < std::chrono::milliseconds(100)) return;
        last_report_ = now;
        const double width = half_width(solution);
        const double share = options_.tolerance / width;
        options_.progress({n_drawn_, solution.kappa, width, std::min(1.0, share * share)});
    }

    /// One batch of q and one of q_beta.
    void draw_both(double beta) {
        const auto first = static_cast<std::uint64_t>(n_drawn_);
        law_.prepare(first, own_.batch);
        of_structure_ = draw([&](std::uint64_t index, StructureWorkspace& workspace,
                                 std::vector<double>& eigenvalues) {
            std::vector<double>& controls = workspace.controls;
            controls.resize(law_.control_variates().size());
            law_.sample(structure_key_, index, workspace, eigenvalues, controls);
        });
        const LaguerreSampler sampler({law_.matrix_size(), beta, a_, 1.0});
        of_reference_ = draw([&](std::uint64_t index, StructureWorkspace& workspace,
                                 std::vector<double>& eigenvalues) {
            sampler.sample_eigenvalues(reference_key_, index, sufficient_accuracy(a_),
                                       workspace.spectrum, eigenvalues);
        });
        n_drawn_ += own_.batch;
    }

    template <class SampleSpectrum>
    BatchMoments draw(const SampleSpectrum& sample_spectrum) {
        // Threads pay only where a spectrum takes longer than handing it out.
        const double cost = 15.0 * n_ * n_;
        const Index per_item = std::clamp<Index>(static_cast<Index>(2e5 / cost), 1, own_.batch);
        const Index n_items = (own_.batch + per_item - 1) / per_item;
        const auto n_workers = static_cast<std::size_t>(worker_count(n_items, options_.control));
        workspaces_.resize(std::max(workspaces_.size(), n_workers));
        eigenvalues_.resize(workspaces_.size());
        values_.resize(static_cast<std::size_t>(own_.batch));
        parallel_for(n_items, options_.control, [&](Index item, int worker) {
            const auto w = static_cast<std::size_t>(worker);
            eigenvalues_[w].resize(static_cast<std::size_t>(law_.matrix_size()));
            const Index last = std::min(own_.batch, (item + 1) * per_item);
            for (Index k = item * per_item; k < last; ++k) {
                const auto index = static_cast<std::uint64_t>(n_drawn_ + k);
                sample_spectrum(index, workspaces_[w], eigenvalues_[w]);
                values_[static_cast<std::size_t>(k)] =
                    reference_->responses(spectrum_statistics(eigenvalues_[w], index))[0];
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
    return RobbinsMonroSolver(law, kind, a, options, robbins_monro).solve();
}

}  // namespace htmu
