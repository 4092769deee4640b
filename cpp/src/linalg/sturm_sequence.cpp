#include "sturm_sequence.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "htmu/common/errors.hpp"

namespace htmu {
namespace {

/// Steps of work that an item of a parallel loop should hold: about 0.2 ms.
constexpr double steps_per_item = 2e6;
/// Points that fill the registers of every kernel.
constexpr Index block = 48;

EntrySummary summary_of(ConstSpan entries, const char* what) {
    EntrySummary found{};
    HTMU_DISPATCH(summarise_entries)(entries.data(), std::ssize(entries), found);
    if (!found.finite) {
        throw NonFinite(
            std::string(what) +
            " of the matrix has an entry that is NaN or infinite; remove it or mend it");
    }
    return found;
}

EntrySummary summary_of_squares(ConstSpan squares, const char* what) {
    const EntrySummary found = summary_of(squares, what);
    if (found.smallest < 0.0) {
        throw InvalidInput(std::string(what) + " must hold squares, all >= 0, got " +
                           std::to_string(found.smallest));
    }
    return found;
}

void require_sizes(ConstSpan diagonal, ConstSpan off_diagonal) {
    if (std::ssize(off_diagonal) != std::max<Index>(0, std::ssize(diagonal) - 1)) {
        throw InvalidInput("a matrix of size n has n - 1 off-diagonal entries, got n = " +
                           std::to_string(diagonal.size()) + " and " +
                           std::to_string(off_diagonal.size()) + " of them");
    }
}

/// result = max(scale(entries), floor).
void apply(const Scale& scale, ConstSpan entries, double floor, double* result) {
    HTMU_DISPATCH(scale_entries)
    (entries.data(), std::ssize(entries), scale.first, scale.second, floor, result);
}

/// The power of two that takes the largest entry to [1, 2).
int exponent_for(double largest) {
    return largest > 0.0 ? -std::ilogb(largest) : 0;
}

/// Rounds up to whole groups.
Index padded(Index n_points) {
    return (n_points + sturm_group - 1) / sturm_group * sturm_group;
}

void resize_points(SturmWorkspace& workspace, Index n_points) {
    const auto size = static_cast<std::size_t>(padded(n_points));
    if (workspace.mantissas.size() >= size) return;
    workspace.mantissas.resize(size);
    workspace.exponents.resize(size);
    workspace.below.resize(size);
}

SturmValues values_at(SturmWorkspace& workspace, Index offset) {
    return {workspace.mantissas.data() + offset, workspace.exponents.data() + offset,
            workspace.below.data() + offset};
}

/// The kernels are not for sequences that vanish: evaluates those again.
void evaluate_zeros_again(const SturmSequence& sequence, Index n_points,
                          SturmWorkspace& workspace) {
    const double* const mantissas = workspace.mantissas.data();
    const double* const end = mantissas + n_points;
    const double* zero = std::find(mantissas, end, 0.0);
    while (zero != end) {
        double points[sturm_group], mantissa[sturm_group], exponent[sturm_group];
        std::int64_t below[sturm_group];
        std::size_t positions[sturm_group];
        Index count = 0;
        do {
            positions[count] = static_cast<std::size_t>(zero - mantissas);
            points[count] = workspace.points[positions[count]];
            ++count;
            zero = std::find(zero + 1, end, 0.0);
        } while (zero != end && count < sturm_group);
        std::fill(points + count, points + sturm_group, points[0]);
        sequence.evaluate(points, sturm_group, Zeros::mended, {mantissa, exponent, below});
        for (Index k = 0; k < count; ++k) {
            workspace.mantissas[positions[k]] = mantissa[k];
            workspace.exponents[positions[k]] = exponent[k];
            workspace.below[positions[k]] = below[k];
        }
    }
}

}  // namespace

BidiagonalSequence::BidiagonalSequence(ConstSpan q, ConstSpan e, SturmWorkspace& workspace) {
    require_sizes(q, e);
    n = std::ssize(q);
    const double largest = std::max(summary_of_squares(q, "q").largest,
                                    e.empty() ? 0.0 : summary_of_squares(e, "e").largest);
    const int exponent = exponent_for(largest);
    scaled = Scale(exponent);
    unscaled = Scale(-exponent);
    workspace.first_entries.resize(q.size());
    workspace.second_entries.resize(q.size());
    apply(scaled, q, 0.0, workspace.first_entries.data());
    apply(scaled, e, 0.0, workspace.second_entries.data());
    if (n > 0) workspace.second_entries.back() = 0.0;
    q_ = workspace.first_entries.data();
    e_ = workspace.second_entries.data();
    // The norm of B B^T is at most |B|_1 |B|_inf, the square of the sum of two neighbours.
    lower = 0x1p-960;
    upper = 4.0 * scaled(largest) * (1.0 + 0x1p-40);
    if (!(upper > lower)) upper = 1.0;
    geometric = true;
    relative_certainty = 0x1p-50;
}

void BidiagonalSequence::evaluate(const double* points, Index n_points, Zeros zeros,
                                  const SturmValues& values) const {
    HTMU_DISPATCH(evaluate_bidiagonal)(q_, e_, n, points, n_points, zeros, values);
}

void BidiagonalSequence::bound_from_below() {
    // 1 / trace of the inverse: row i of B^-1 has the squared norm r_i = (1 + e r_{i-1}) / q_i.
    double row = 0.0, trace = 0.0;
    for (Index i = 0; i < n; ++i) {
        row = (1.0 + (i == 0 ? 0.0 : e_[i - 1] * row)) / q_[i];
        trace += row;
    }
    const double bound = (1.0 - 0x1p-20) / trace;  // 0 or NaN where the trace overflows
    if (bound > lower) lower = bound;
}

TridiagonalSequence::TridiagonalSequence(ConstSpan d, ConstSpan e, bool squared,
                                         SturmWorkspace& workspace) {
    require_sizes(d, e);
    n = std::ssize(d);
    double largest_e = 0.0;
    if (!e.empty()) {
        largest_e = squared ? std::sqrt(summary_of_squares(e, "squared_e").largest)
                            : summary_of(e, "e").largest;
    }
    const double largest = std::max(summary_of(d, "d").largest, largest_e);
    const int exponent = exponent_for(largest);
    scaled = Scale(exponent);
    unscaled = Scale(-exponent);
    workspace.first_entries.resize(d.size());
    workspace.second_entries.resize(d.size());
    double* const off_diagonal = workspace.second_entries.data() + 1;  // entry i couples i - 1, i
    constexpr double infinity = std::numeric_limits<double>::infinity();
    apply(scaled, d, -infinity, workspace.first_entries.data());
    // Raising the coupling of neighbours to 2^-60 moves eigenvalues by no more than that, and keeps
    // the sequence from vanishing.
    constexpr double least = 0x1p-120;
    if (squared) {
        apply(Scale(std::min(2 * exponent, 2000)), e, least, off_diagonal);
    } else if (!e.empty()) {
        apply(scaled, e, -infinity, off_diagonal);
        for (Index i = 0; i + 1 < n; ++i) {
            off_diagonal[i] = std::max(off_diagonal[i] * off_diagonal[i], least);
        }
    }
    if (n > 0) workspace.second_entries.front() = 0.0;
    d_ = workspace.first_entries.data();
    squared_e_ = workspace.second_entries.data();
    const double norm = 3.0 * scaled(largest);
    lower = -norm * (1.0 + 0x1p-40);
    upper = norm * (1.0 + 0x1p-40);
    absolute_tolerance = 0x1p-53 * norm / 3.0;
    absolute_certainty = 4.0 * absolute_tolerance;
}

void TridiagonalSequence::evaluate(const double* points, Index n_points, Zeros zeros,
                                   const SturmValues& values) const {
    HTMU_DISPATCH(evaluate_tridiagonal)(d_, squared_e_, n, points, n_points, zeros, values);
}

void evaluate_points(const SturmSequence& sequence, Index n_points, const RunControl& control,
                     SturmWorkspace& workspace) {
    if (n_points == 0) return;
    const Index n_padded = padded(n_points);
    workspace.points.resize(static_cast<std::size_t>(n_points));
    workspace.points.resize(static_cast<std::size_t>(n_padded), workspace.points.back());
    resize_points(workspace, n_points);
    const double cost =
        sequence.step_cost * static_cast<double>(block * std::max<Index>(sequence.n, 1));
    const Index per_item = block * std::max<Index>(1, static_cast<Index>(steps_per_item / cost));
    const auto evaluate_item = [&](Index item, int) {
        const Index begin = item * per_item;
        sequence.evaluate(workspace.points.data() + begin, std::min(per_item, n_padded - begin),
                          Zeros::kept, values_at(workspace, begin));
    };
    const Index n_items = (n_padded + per_item - 1) / per_item;
    parallel_for(n_items, control, evaluate_item);
    evaluate_zeros_again(sequence, n_points, workspace);
}

Index count_below(const SturmSequence& sequence, double point, const RunControl& control,
                  SturmWorkspace& workspace) {
    workspace.points.assign(1, point);
    evaluate_points(sequence, 1, control, workspace);
    return workspace.below[0];
}

}  // namespace htmu
