#pragma once

// Secant steps towards one eigenvalue that is alone in its bracket.

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

[[nodiscard]] inline double lower_of(double a, double b) {
    return a < b ? a : b;
}
[[nodiscard]] inline double higher_of(double a, double b) {
    return a < b ? b : a;
}

/// Half way; between the exponents of wide brackets.
[[nodiscard]] inline double middle_of(const SturmSequence& sequence, double low, double high) {
    if (!sequence.geometric || !sequence.wide(low, high)) return low + 0.5 * (high - low);
    const auto a = std::bit_cast<std::int64_t>(low), b = std::bit_cast<std::int64_t>(high);
    return std::bit_cast<double>(a + (b - a) / 2);
}

/// Regula falsi with the weights of Anderson and Bjorck, BIT 13, 253 (1973): 1.7th order, and the
/// root stays bracketed. A bracket that was not halved by three steps is halved by force.
class SecantBracket {
   public:
    SecantBracket(const SturmSequence& sequence, double low, ScaledValue at_low, double high,
                  ScaledValue at_high, Index index)
        : other_(low),
          latest_(high),
          at_other_(at_low),
          at_latest_(at_high),
          checked_width_(high - low),
          first_width_(high - low),
          previous_step_(high - low),
          index_(index),
          halve_(sequence.wide(low, high)) {}

    /// Where to evaluate next.
    [[nodiscard]] double next_point(const SturmSequence& sequence) const {
        const double low = lower_of(other_, latest_), high = higher_of(other_, latest_);
        if (halve_) return middle_of(sequence, low, high);
        const double step =
            (latest_ - other_) / (1.0 - ratio(at_other_, at_latest_));  // back from latest
        double point = latest_ - step;
        // At least so far from the latest point that a root beside it closes the bracket.
        const double least = 0.75 * sequence.tolerance(latest_);
        if (std::fabs(step) < least) point = latest_ + std::copysign(least, other_ - latest_);
        return point > low && point < high ? point : middle_of(sequence, low, high);
    }

    /// Takes the value at that point. True when the root is found.
    bool take(const SturmSequence& sequence, double point, ScaledValue value, bool check_width) {
        const double step = point - latest_;
        const double to_latest = ratio(value, at_latest_);
        if (to_latest < 0.0) {
            other_ = latest_;
            at_other_ = at_latest_;
        } else {
            const double weight = 1.0 - to_latest;
            at_other_.mantissa *= weight > 0.0 ? weight : 0.5;
        }
        const double width = std::fabs(point - other_);
        const double tolerance = sequence.tolerance(point);
        const double slope = (1.0 - 1.0 / to_latest) / step;  // relative to the value
        const bool halved = halve_;
        bool found = width <= tolerance;
        if (found) {
            root_ = 0.5 * (point + other_);
        } else if (!halved) {
            found = accept(point, step, to_latest, tolerance);
        }
        latest_ = point;
        at_latest_ = value;
        previous_step_ = step;
        previous_slope_ = slope;
        halve_ = false;
        if (check_width) {
            halve_ = width > 0.5 * checked_width_;
            checked_width_ = width;
        }
        if (sequence.wide(lower_of(point, other_), higher_of(point, other_))) {
            halve_ = true;
            first_width_ = width;
        }
        return found;
    }

    [[nodiscard]] double root() const { return root_; }
    [[nodiscard]] Index index() const { return index_; }

   private:
    /// Takes one more secant step unevaluated where its error, |step| |correction| f''/(2 f'), is
    /// below the tolerance. The curvature comes from the last two slopes, which must agree to a
    /// quarter over steps that shrink, and from the distance of the next root, taken as 1/32 of the
    /// first bracket: slopes alone deceive far from the root of a graded matrix, where f looks like
    /// a power of x. (No product of two lengths: it would underflow for an eigenvalue below
    /// 1e-162.)
    bool accept(double point, double step, double to_latest, double tolerance) {
        const double correction = step * to_latest / (1.0 - to_latest);
        const double length = std::fabs(step), move = std::fabs(correction);
        const double bend = std::fabs((to_latest - 1.0) / step / previous_slope_ - 1.0);
        const double by_slopes =
            8.0 * move * bend * (length / (length + std::fabs(previous_step_)));
        const double by_width = 32.0 * move * (length / first_width_);
        const double candidate = point + correction;
        const bool inside =
            candidate >= lower_of(point, other_) && candidate <= higher_of(point, other_);
        const bool converging = length < 0.05 * first_width_ &&
                                length < 0.25 * std::fabs(previous_step_) && bend < 0.25;
        if (!(inside && converging && by_slopes < tolerance && by_width < tolerance)) {
            return false;
        }
        root_ = candidate;
        return true;
    }

    double other_, latest_;
    ScaledValue at_other_, at_latest_;
    double checked_width_, first_width_;
    double previous_step_;
    double previous_slope_ = std::numeric_limits<double>::quiet_NaN();
    double root_ = 0.0;
    Index index_;
    bool halve_;
};

}  // namespace htmu
