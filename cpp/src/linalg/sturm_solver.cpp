// Eigenvalues from Sturm counts: multisection of brackets that hold several, interpolation in
// those that hold one.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "htmu/common/errors.hpp"
#include "sturm_bracket.hpp"
#include "sturm_sequence.hpp"

namespace htmu {
namespace {

/// Points at which an evaluation costs hardly more than one point does.
constexpr Index cheap_points = 48;
/// Bounds on rounds that no matrix of finite entries reaches: a round of multisection divides each
/// bracket at least by 3, one for single
/// eigenvalues halves them every third time.
constexpr int most_multisections = 200;
constexpr int most_rounds = 500;

struct Bracket {
    BracketEnd low, high;
    [[nodiscard]] Index count() const { return high.below - low.below; }
};

class Solver {
   public:
    Solver(const SturmSequence& sequence, Index first, Index last, const RunControl& control,
           SturmWorkspace& workspace, Span eigenvalues)
        : sequence_(sequence),
          first_(first),
          last_(last),
          control_(control),
          workspace_(workspace),
          eigenvalues_(eigenvalues) {}

    void run(double unresolved) {
        workspace_.points.assign({sequence_.lower, sequence_.upper});
        evaluate_points(sequence_, 2, control_, workspace_);
        Bracket all{end_at(workspace_, 0), end_at(workspace_, 1)};
        all.high.below = std::max(all.high.below, last_ + 1);
        settle({{0.0, 0, {}}, all.low}, unresolved);
        if (wanted(all) > 0) several_.push_back(all);
        multisect();
        find_each();
        if (!std::is_sorted(eigenvalues_.begin(), eigenvalues_.end())) {
            std::sort(eigenvalues_.begin(), eigenvalues_.end());
        }
    }

   private:
    /// How many of the wanted eigenvalues lie in the bracket.
    [[nodiscard]] Index wanted(const Bracket& bracket) const {
        return std::max<Index>(
            0, std::min(bracket.high.below, last_ + 1) - std::max(bracket.low.below, first_));
    }

    /// Gives all wanted eigenvalues of the bracket one value.
    void settle(const Bracket& bracket, double value) {
        const Index begin = std::max(bracket.low.below, first_);
        const Index end = std::min(bracket.high.below, last_ + 1);
        for (Index i = begin; i < end; ++i)
            eigenvalues_[static_cast<std::size_t>(i - first_)] = value;
    }

    /// Points inside a bracket: about two for each wanted eigenvalue, so that few brackets keep
    /// several; more where points are cheap.
    [[nodiscard]] Index points_for(const Bracket& bracket, bool first_round) const {
        const Index n_wanted = wanted(bracket);
        Index count = n_wanted > 8 || first_round ? 2 * n_wanted : n_wanted + 1;
        if (n_wanted < bracket.count()) count = std::max<Index>(count, 4);
        return std::max(count, cheap_points / std::ssize(several_));
    }

    void place_points(const Bracket& bracket, Index count, bool first_round) {
        const double low = bracket.low.point, high = bracket.high.point;
        std::vector<double>& points = workspace_.points;
        const double parts = static_cast<double>(count + 1);
        if (first_round && sequence_.geometric) {
            // Uniform in the singular value.
            const double from = std::sqrt(low), step = (std::sqrt(high) - from) / parts;
            for (Index k = 1; k <= count; ++k) {
                const double root = from + step * static_cast<double>(k);
                points.push_back(root * root);
            }
        } else if (sequence_.geometric && sequence_.wide(low, 0.5 * high)) {
            const double step = std::exp(std::log(high / low) / parts);
            double point = low;
            for (Index k = 1; k <= count; ++k) {
                point *= step;
                points.push_back(std::min(point, high));
            }
        } else {
            const double step = (high - low) / parts;
            for (Index k = 1; k <= count; ++k) {
                points.push_back(low + step * static_cast<double>(k));
            }
        }
    }

    /// Sorts one piece of a bracket: settled, alone, or to be divided further.
    void file(const Bracket& piece, std::vector<Bracket>& next) {
        if (wanted(piece) == 0) return;
        const double low = piece.low.point, high = piece.high.point;
        if (high - low <= sequence_.tolerance(high)) {
            settle(piece, 0.5 * (low + high));
        } else if (piece.count() == 1) {
            alone_.emplace_back(sequence_, piece.low, piece.high, piece.low.below);
        } else {
            next.push_back(piece);
        }
    }

    void multisect() {
        std::vector<Bracket> next;
        std::vector<Index> counts;
        for (int round = 0; !several_.empty(); ++round) {
            if (round == most_multisections) fail();
            workspace_.points.clear();
            counts.clear();
            for (const Bracket& bracket : several_) {
                counts.push_back(points_for(bracket, round == 0));
                place_points(bracket, counts.back(), round == 0);
            }
            evaluate_points(sequence_, std::ssize(workspace_.points), control_, workspace_);
            next.clear();
            Index at = 0;
            for (std::size_t k = 0; k < several_.size(); ++k) {
                const Bracket& bracket = several_[k];
                BracketEnd low = bracket.low;
                for (Index i = 0; i < counts[k]; ++i, ++at) {
                    BracketEnd high = end_at(workspace_, at);
                    // Rounding may break the order of counts of points that nearly coincide.
                    high.below = std::clamp(high.below, low.below, bracket.high.below);
                    file({low, high}, next);
                    low = high;
                }
                file({low, bracket.high}, next);
            }
            several_.swap(next);
        }
    }

    void find_each() {
        std::vector<std::uint32_t> open(alone_.size());
        std::iota(open.begin(), open.end(), 0u);
        std::vector<double>& points = workspace_.points;
        for (int round = 1; !open.empty(); ++round) {
            if (round == most_rounds) fail();
            points.resize(2 * open.size());
            double* next = points.data();
            for (const std::uint32_t k : open) next += alone_[k].propose(next);
            evaluate_points(sequence_, next - points.data(), control_, workspace_);
            std::size_t kept = 0;
            Index at = 0;
            for (const std::uint32_t k : open) {
                EigenvalueBracket& bracket = alone_[k];
                const Index begin = at;
                at += bracket.n_proposed();
                if (bracket.take(sequence_, workspace_, begin)) {
                    eigenvalues_[static_cast<std::size_t>(bracket.index() - first_)] =
                        bracket.root();
                } else {
                    open[kept++] = k;
                }
            }
            open.resize(kept);
        }
    }

    [[noreturn]] static void fail() {
        throw ConvergenceFailure(
            "the Sturm iteration did not converge; check that the entries are finite and sensible");
    }

    const SturmSequence& sequence_;
    Index first_, last_;
    const RunControl& control_;
    SturmWorkspace& workspace_;
    Span eigenvalues_;
    std::vector<Bracket> several_;
    std::vector<EigenvalueBracket> alone_;
};

}  // namespace

void solve_by_sturm(const SturmSequence& sequence, Index first, Index last, double unresolved,
                    const RunControl& control, SturmWorkspace& workspace, Span eigenvalues) {
    if (last < first) return;
    Solver(sequence, first, last, control, workspace, eigenvalues).run(unresolved);
}

}  // namespace htmu
