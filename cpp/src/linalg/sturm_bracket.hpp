#pragma once

// The way from a bracket that holds one eigenvalue to that eigenvalue: secants and inverse
// quadratic interpolation propose a value, two counts beside it prove it.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "htmu/common/types.hpp"
#include "sturm_sequence.hpp"

namespace htmu {

/// mantissa * 2^exponent.
struct ScaledValue {
    double mantissa = 1.0;
    double exponent = 0.0;
};

/// a / b, with the exponent kept within the range of doubles.
[[nodiscard]] inline double ratio(ScaledValue a, ScaledValue b) {
    const double difference = a.exponent - b.exponent;
    const double clamped = difference > 900.0 ? 900.0 : difference < -900.0 ? -900.0 : difference;
    const auto biased = static_cast<std::uint64_t>(1023 + static_cast<std::int64_t>(clamped));
    return a.mantissa / b.mantissa * std::bit_cast<double>(biased << 52);
}

/// What the Sturm sequence says of a point.
struct BracketEnd {
    double point = 0.0;
    Index below = 0;
    ScaledValue value;
};

/// What evaluate_points() has found at point i.
[[nodiscard]] inline BracketEnd end_at(const SturmWorkspace& workspace, Index i) {
    const auto k = static_cast<std::size_t>(i);
    return {workspace.points[k],
            static_cast<Index>(workspace.below[k]),
            {workspace.mantissas[k], workspace.exponents[k]}};
}

/// A bracket that holds eigenvalue `index` alone: the Sturm sequence has counted at most `index`
/// eigenvalues below its lower end and more below its upper end. Counts alone decide which end a
/// point replaces. Signs of the polynomial would not do: they agree with the counts only up to even
/// numbers, and within a rounding of other eigenvalues counts differ by those.
///
/// Steps are inverse quadratic interpolation of the last three values where they are regular, else
/// regula falsi with the weights of Anderson and Bjorck, BIT 13, 253 (1973); a bracket that three
/// steps have not halved is halved by force. A value that looks converged, which rests on estimates
/// that may deceive, becomes the root only where counts on both sides enclose it.
class EigenvalueBracket {
   public:
    EigenvalueBracket(const SturmSequence& sequence, const BracketEnd& low, const BracketEnd& high,
                      Index index)
        : low_(low),
          high_(high),
          checked_width_(high.point - low.point),
          per_width_(1.0 / checked_width_),
          previous_step_(checked_width_),
          index_(index) {
        next_ = sequence.wide(low.point, high.point) ? middle(sequence) : secant(sequence);
    }

    /// Writes the points to evaluate next, one or two; returns how many.
    Index propose(double* points) {
        n_proposed_ = 0;
        if (stage_ != Stage::proof) {
            points[n_proposed_++] = next_;
        } else {
            if (is_inside(proof_low_)) points[n_proposed_++] = proof_low_;
            if (is_inside(proof_high_)) points[n_proposed_++] = proof_high_;
        }
        return n_proposed_;
    }
    [[nodiscard]] Index n_proposed() const { return n_proposed_; }

    /// Takes what was found at those points, of which the first is number `at`. True when the
    /// eigenvalue is found.
    bool take(const SturmSequence& sequence, const SturmWorkspace& workspace, Index at) {
        if (stage_ == Stage::steps) return take_step(sequence, end_at(workspace, at));
        // A point that the one before has put outside tells nothing.
        for (int i = 0; i < n_proposed_; ++i) {
            const BracketEnd found = end_at(workspace, at + i);
            if (is_inside(found.point)) replace_end(found);
        }
        if (stage_ == Stage::proof) return take_proof(sequence);
        if (stage_ == Stage::search) return take_search(sequence);
        return take_bisection(sequence);
    }

    [[nodiscard]] double root() const { return root_; }
    [[nodiscard]] Index index() const { return index_; }

   private:
    enum class Stage { steps, proof, search, bisection };

    [[nodiscard]] double width() const { return high_.point - low_.point; }
    [[nodiscard]] bool is_inside(double point) const {
        return point > low_.point && point < high_.point;
    }

    /// Half way; between the exponents of wide brackets.
    [[nodiscard]] double middle(const SturmSequence& sequence) const {
        const double low = low_.point, high = high_.point;
        if (!sequence.geometric || !sequence.wide(low, high)) return low + 0.5 * (high - low);
        const auto a = std::bit_cast<std::int64_t>(low), b = std::bit_cast<std::int64_t>(high);
        return std::bit_cast<double>(a + (b - a) / 2);
    }

    /// Where the chord between the ends crosses zero.
    [[nodiscard]] double secant(const SturmSequence& sequence) const {
        const BracketEnd& latest = latest_is_low_ ? low_ : high_;
        const BracketEnd& other = latest_is_low_ ? high_ : low_;
        const double at_other = ratio(other.value, latest.value);
        if (!(at_other < 0.0)) return middle(sequence);  // signs that are noise
        return guarded(sequence, (other.point - latest.point) / (1.0 - at_other));
    }

    /// The point at this distance from the latest, but at least so far that a root beside the
    /// latest closes the bracket.
    [[nodiscard]] double guarded(const SturmSequence& sequence, double step) const {
        const double latest = latest_is_low_ ? low_.point : high_.point;
        const double least = 0.75 * sequence.tolerance(latest);
        if (std::fabs(step) < least) step = latest_is_low_ ? least : -least;
        return is_inside(latest + step) ? latest + step : middle(sequence);
    }

    void replace_end(const BracketEnd& found) {
        latest_is_low_ = found.below <= index_;
        (latest_is_low_ ? low_ : high_) = found;
    }

    bool take_step(const SturmSequence& sequence, const BracketEnd& found) {
        const bool latest_was_low = latest_is_low_;
        const BracketEnd& latest = latest_is_low_ ? low_ : high_;
        const double step = found.point - latest.point;
        const double change = ratio(found.value, latest.value);
        replace_end(found);
        if (width() <= sequence.tolerance(found.point)) {
            root_ = low_.point + 0.5 * width();
            return true;
        }
        const bool same_side = latest_was_low == latest_is_low_;
        if (same_side) {
            const double weight = 1.0 - change;
            (latest_is_low_ ? high_ : low_).value.mantissa *= weight > 0.0 ? weight : 0.5;
        }

        // The inverse function through the last three points, in units of the value before.
        const double inverse_slope = step / (change - 1.0);
        const double linear = -change * inverse_slope;
        const double quadratic = change * (previous_inverse_slope_ - inverse_slope) *
                                 previous_change_ / (1.0 - change * previous_change_);
        const double candidate = found.point + (linear + quadratic);
        const bool regular = same_side == (change > 0.0) && is_inside(candidate) &&
                             std::fabs(quadratic) <= 0.25 * std::fabs(linear);
        // The first neglected term, on the scale of the first bracket.
        const double error = 8.0 * std::fabs(quadratic) * (std::fabs(previous_step_) * per_width_);
        previous_step_ = step;
        previous_change_ = change;
        previous_inverse_slope_ = -linear;

        if (sequence.wide(low_.point, high_.point)) {
            per_width_ = 1.0 / width();
            next_ = middle(sequence);
            return false;
        }
        if (regular && n_proofs_ < 3 && error < sequence.certainty(candidate)) {
            return begin_proof(sequence, candidate);
        }
        bool halve = false;
        if (++n_steps_ % 3 == 0) {
            halve = width() > 0.5 * checked_width_;
            checked_width_ = width();
        }
        next_ = halve     ? middle(sequence)
                : regular ? guarded(sequence, linear + quadratic)
                          : secant(sequence);
        return false;
    }

    bool begin_proof(const SturmSequence& sequence, double candidate) {
        const double certainty = sequence.certainty(candidate);
        root_ = candidate;
        proof_low_ = candidate - certainty;
        proof_high_ = candidate + certainty;
        stage_ = Stage::proof;
        ++n_proofs_;
        return is_proved();
    }

    [[nodiscard]] bool is_proved() const {
        return low_.point >= proof_low_ && high_.point <= proof_high_;
    }

    /// Where the proof fails because counts are not exact to the last digit, the eigenvalue is
    /// nearby: the search goes there in growing strides.
    bool take_proof(const SturmSequence& sequence) {
        if (is_proved()) return true;
        search_from_low_ = low_.point >= proof_high_;
        n_searches_ = 0;
        stride_ = 2.0 * (proof_high_ - proof_low_);
        stage_ = Stage::search;
        return seek(sequence);
    }

    bool seek(const SturmSequence& sequence) {
        const double from = search_from_low_ ? low_.point : high_.point;
        next_ = search_from_low_ ? from + stride_ : from - stride_;
        if (is_inside(next_)) return false;
        return begin_bisection(sequence);
    }

    bool take_search(const SturmSequence& sequence) {
        if (latest_is_low_ != search_from_low_) return begin_bisection(sequence);
        if (++n_searches_ < 3) {
            stride_ *= 8.0;
            return seek(sequence);
        }
        stage_ = Stage::steps;
        checked_width_ = previous_step_ = width();
        per_width_ = 1.0 / checked_width_;
        previous_inverse_slope_ = std::numeric_limits<double>::quiet_NaN();
        next_ = middle(sequence);
        return false;
    }

    bool begin_bisection(const SturmSequence& sequence) {
        stage_ = Stage::bisection;
        return take_bisection(sequence);
    }

    bool take_bisection(const SturmSequence& sequence) {
        next_ = root_ = middle(sequence);
        return width() <= 2.0 * sequence.certainty(root_) || !is_inside(root_);
    }

    BracketEnd low_, high_;
    double checked_width_;
    double per_width_;  ///< 1 / the width at first
    double previous_step_, previous_change_ = 1.0;
    double previous_inverse_slope_ = std::numeric_limits<double>::quiet_NaN();
    double next_ = 0.0, stride_ = 0.0;
    double root_ = 0.0, proof_low_ = 0.0, proof_high_ = 0.0;
    Index index_;
    int n_proposed_ = 0, n_steps_ = 0, n_proofs_ = 0, n_searches_ = 0;
    Stage stage_ = Stage::steps;
    bool latest_is_low_ = false, search_from_low_ = false;
};

}  // namespace htmu
