#include "htmp_builder.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numbers>

#include "dual.hpp"
#include "htmp_start.hpp"
#include "htmu/common/errors.hpp"

namespace htmu {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const double log_half = std::log(0.5);
constexpr Index most_segments = 600;  ///< in one direction; 100 are usual
/// log of the smallest subnormal is -744.44.
constexpr double left_end = -745.0;
constexpr double largest_mismatch = 1e-10;

double value_at(const double* coefficients, double t) {
    double value = coefficients[n_stages];
    for (int k = n_stages - 1; k >= 0; --k) value = value * t + coefficients[k];
    return value;
}

}  // namespace

void HtmpTableBuilder::fail(const char* what, double s) const {
    std::array<char, 200> text{};
    std::snprintf(text.data(), text.size(),
                  "the HTMP law's table failed for b = %.17g, delta = %.17g: %s at log x = %.6g",
                  table_.b(), table_.delta(), what, s);
    throw ConvergenceFailure(text.data());
}

void HtmpTableBuilder::build(bool gradient) {
    march(gradient);
    accumulate();
    find_median();
    add_left_tail(gradient);
    for (std::size_t k = 0; k <= median_; ++k) {
        add_segment(*segments_[k], below_[k], segments_[k]->lower, below_[k].lower, gradient);
    }
    table_.pieces_.first_upper = static_cast<Index>(table_.edge_.size());
    for (std::size_t k = median_; k < segments_.size(); ++k) {
        const Cumulative& cumulative = above_[segments_.size() - 1 - k];
        if (k == median_) {
            add_segment(*segments_[k], cumulative, median_s_, log_half, gradient);
        } else {
            add_segment(*segments_[k], cumulative, segments_[k]->lower,
                        2.0 * log_half - cumulative.lower, gradient);
        }
    }
    finish(gradient);
}

void HtmpTableBuilder::march(bool gradient) {
    const double b = table_.b(), delta = table_.delta(), c = b + delta;
    left_.b = right_.b = b;
    left_.delta = right_.delta = delta;
    left_.gradient = right_.gradient = gradient;
    double log_density = 0.0;
    const auto take = [&](const auto& start) {
        left_.s = start.s;
        log_density = value_of(start.log_density);
        left_.slope = value_of(start.slope);
    };
    if (gradient) {
        const HtmpStart<Dual> start = htmp_start<Dual>(b, delta);
        take(start);
        left_.by_b[0] = start.log_density.by_b;
        left_.by_b[1] = start.slope.by_b;
        left_.by_delta[0] = start.log_density.by_delta;
        left_.by_delta[1] = start.slope.by_delta;
    } else {
        take(htmp_start<double>(b, delta));
    }
    const double s = left_.s;
    right_.s = s;
    right_.slope = left_.slope;
    std::copy_n(left_.by_b, 2, right_.by_b);
    std::copy_n(left_.by_delta, 2, right_.by_delta);
    // Left of the bulk x f is x^delta; for large delta log(x f) is itself as large as delta s.
    left_.tilt = delta < 4.0 ? delta : 0.0;
    left_.level = log_density - left_.tilt * s;
    right_.tilt = 0.0;
    right_.level = log_density;
    // A part of the bulk's width, 2 sqrt(b c) in y.
    const double log_rate = log_density + std::log(std::numbers::pi * b);
    const double step =
        log_rate < std::log(5.0) ? 0.5 : 0.25 * std::min(1.0, 2.0 * std::sqrt(b / c));
    left_.first_step = -step;
    left_.end = left_end;
    right_.first_step = step;
    // Both y >> b + delta and a density that underflows.
    right_.end = std::max(20.0, std::log(1.2e4 / c));

    // Not initialised: most of it stays untouched.
    storage_.reset(new HtmpSegment[2 * most_segments]);
    run(left_, storage_.get());
    run(right_, storage_.get() + left_.n_segments);
    const Index n_segments = left_.n_segments + right_.n_segments;
    for (Index k = left_.n_segments; k-- > 0;) segments_.push_back(&left_.segments[k]);
    for (Index k = 0; k < right_.n_segments; ++k) segments_.push_back(&right_.segments[k]);
    table_.n_segments_ = n_segments;
    table_.n_iterations_ = left_.n_iterations + right_.n_iterations;
}

void HtmpTableBuilder::run(HtmpMarch& march, HtmpSegment* segments) {
    march.segments = segments;
    march.capacity = most_segments;
    htmp_march(collocation(), march);
    switch (march.status) {
        case HtmpMarch::Status::done:
            return;
        case HtmpMarch::Status::step_too_small:
            fail("the step became too small", march.s);
        case HtmpMarch::Status::too_many_steps:
            fail("there were too many steps", march.s);
    }
}

HtmpTableBuilder::Cumulative HtmpTableBuilder::pass(const HtmpSegment& segment, bool forward,
                                                    double& value) const {
    Cumulative result{};
    htmp_cumulative(collocation(), segment, forward, &value, result.log_ratio.data());
    const auto at = [&](double t) {
        const double s = t < 0.0 ? segment.lower : segment.upper;
        return value_at(segment.level, t) + segment.tilt * s + value_at(result.log_ratio.data(), t);
    };
    result.lower = at(-1.0);
    result.upper = at(1.0);
    return result;
}

void HtmpTableBuilder::accumulate() {
    const double b = table_.b(), delta = table_.delta(), c = b + delta;
    // tan(pi b F) = V / ((delta + l' + y) / 2).
    const double log_rate = left_.level + left_.tilt * left_.s + std::log(std::numbers::pi * b);
    const double rate = std::exp(log_rate);
    const double base = 0.5 * (delta + left_.slope + c * std::exp(left_.s));
    double value = rate > 1e-290 ? std::atan2(rate, base) / rate : 1.0 / base;
    for (const HtmpSegment* segment : segments_) {
        below_.push_back(pass(*segment, true, value));
        if (!(below_.back().upper < log_half)) break;
    }
    median_ = below_.size() - 1;
    value = 1.0 / (c * std::exp(right_.s) - delta - 2.0 * b + 1.0);
    for (std::size_t k = segments_.size(); k-- > median_;) {
        above_.push_back(pass(*segments_[k], false, value));
    }
}

void HtmpTableBuilder::find_median() {
    const HtmpSegment& segment = *segments_[median_];
    const auto log_at = [&](const Cumulative& cumulative, double t) {
        return value_at(segment.level, t) + segment.tilt * (segment.middle + t * segment.half) +
               value_at(cumulative.log_ratio.data(), t);
    };
    double lower = -1.0, upper = 1.0;
    for (int step = 0; step < 60 && lower < upper; ++step) {
        const double t = 0.5 * (lower + upper);
        if (t == lower || t == upper) break;
        (log_at(below_.back(), t) < log_half ? lower : upper) = t;
    }
    median_s_ = segment.middle + lower * segment.half;
    table_.mismatch_ =
        std::exp(log_at(below_.back(), lower)) + std::exp(log_at(above_.back(), lower)) - 1.0;
    if (!(std::fabs(table_.mismatch_) < largest_mismatch)) {
        fail("the distribution functions from both tails disagree", median_s_);
    }
    // F + S is the mass of the computed density: 1 but for rounding, which both tails share.
    const double log_mass = std::log1p(table_.mismatch_);
    for (std::vector<Cumulative>* side : {&below_, &above_}) {
        for (Cumulative& cumulative : *side) {
            cumulative.log_ratio[0] -= log_mass;
            cumulative.lower -= log_mass;
            cumulative.upper -= log_mass;
        }
    }
}

/// Left of the march log f and log F are linear in s.
void HtmpTableBuilder::add_left_tail(bool gradient) {
    const double delta = table_.delta(), s = left_.s;
    const double log_density = left_.level + (left_.tilt - 1.0) * s;
    Polynomial polynomial{};
    const auto append = [&](std::vector<double>& to, double value, double slope) {
        polynomial[0] = value;
        polynomial[1] = slope;
        to.insert(to.end(), polynomial.begin(), polynomial.end());
    };
    table_.edge_.push_back(-infinity);
    table_.key_.push_back(-infinity);
    table_.middle_.push_back(s);
    table_.inverse_half_.push_back(1.0);
    append(table_.density_, log_density, delta - 1.0);
    append(table_.cumulative_, below_.front().lower, delta);
    if (gradient) {
        append(table_.by_b_, left_.by_b[0], 0.0);
        append(table_.by_delta_, left_.by_delta[0], 1.0);
    }
}

void HtmpTableBuilder::add_segment(const HtmpSegment& segment, const Cumulative& cumulative,
                                   double lower, double key, bool gradient) {
    table_.edge_.push_back(lower);
    table_.key_.push_back(key);
    table_.middle_.push_back(segment.middle);
    table_.inverse_half_.push_back(1.0 / segment.half);
    // log f = level + (tilt - 1) s, log F = level + log G + tilt s.
    const double tilt = segment.tilt;
    table_.density_.insert(table_.density_.end(), segment.level, segment.level + n_coefficients);
    double* density = &*(table_.density_.end() - n_coefficients);
    density[0] += (tilt - 1.0) * segment.middle;
    density[1] += (tilt - 1.0) * segment.half;
    for (std::size_t k = 0; k < n_coefficients; ++k) {
        table_.cumulative_.push_back(segment.level[k] + cumulative.log_ratio[k]);
    }
    double* log = &*(table_.cumulative_.end() - n_coefficients);
    log[0] += tilt * segment.middle;
    log[1] += tilt * segment.half;
    if (gradient) {
        table_.by_b_.insert(table_.by_b_.end(), segment.by_b, segment.by_b + n_coefficients);
        table_.by_delta_.insert(table_.by_delta_.end(), segment.by_delta,
                                segment.by_delta + n_coefficients);
    }
}

void HtmpTableBuilder::finish(bool gradient) {
    HtmpPieces& pieces = table_.pieces_;
    pieces.n_pieces = static_cast<Index>(table_.edge_.size());
    pieces.end_s = right_.s;
    pieces.end_y = (table_.b() + table_.delta()) * std::exp(right_.s);
    pieces.end_log_density = right_.level - right_.s;
    if (gradient) {
        pieces.end_by_b = right_.by_b[0];
        pieces.end_by_delta = right_.by_delta[0];
    }
    table_.key_.push_back(2.0 * log_half - above_.front().upper);
    pieces.levels = 1;
    while ((Index{1} << pieces.levels) <= pieces.n_pieces) ++pieces.levels;
    const std::size_t padded = (std::size_t{1} << pieces.levels) + 1;
    table_.edge_.push_back(right_.s);
    table_.edge_.resize(padded, infinity);
    table_.key_.resize(padded, infinity);
}

}  // namespace htmu
