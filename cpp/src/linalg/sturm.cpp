#include "htmu/linalg/sturm.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "htmu/common/errors.hpp"
#include "sturm_sequence.hpp"

namespace htmu {
namespace {

void require_counts(ConstSpan points, std::span<Index> counts) {
    if (points.size() != counts.size()) {
        throw InvalidInput("counts must have one entry for each point, got " +
                           std::to_string(counts.size()) + " for " + std::to_string(points.size()) +
                           " points");
    }
    if (std::any_of(points.begin(), points.end(), [](double x) { return std::isnan(x); })) {
        throw NonFinite("a point at which to count is NaN; remove it or mend it");
    }
}

void require_range(Index n, Index first, Index last, Span eigenvalues) {
    if (first < 0 || last >= n || last < first - 1) {
        throw InvalidInput("indices must satisfy 0 <= first <= last < n, got " +
                           std::to_string(first) + ", " + std::to_string(last) +
                           " and n = " + std::to_string(n));
    }
    if (std::ssize(eigenvalues) != last - first + 1) {
        throw InvalidInput("the output must have last - first + 1 entries, got " +
                           std::to_string(eigenvalues.size()));
    }
}

void require_interval(Index n, double lower, double upper, Span eigenvalues) {
    if (!(lower <= upper)) {
        throw InvalidInput("an interval must satisfy lower <= upper, got " + std::to_string(lower) +
                           " and " + std::to_string(upper));
    }
    if (std::ssize(eigenvalues) < n) {
        throw InvalidInput("the output must have n entries, got " +
                           std::to_string(eigenvalues.size()));
    }
}

bool all_zero(ConstSpan entries) {
    return std::all_of(entries.begin(), entries.end(), [](double entry) { return entry == 0.0; });
}

/// Entries below each point: the counts of a diagonal matrix, exact at its eigenvalues too.
void count_entries_below(ConstSpan entries, ConstSpan points, SturmWorkspace& workspace,
                         std::span<Index> counts) {
    std::vector<double>& sorted = workspace.first_entries;
    sorted.assign(entries.begin(), entries.end());
    std::sort(sorted.begin(), sorted.end());
    std::transform(points.begin(), points.end(), counts.begin(), [&](double point) {
        return std::lower_bound(sorted.begin(), sorted.end(), point) - sorted.begin();
    });
}

/// Entries first..last in ascending order: eigenvalues of a diagonal matrix.
void take_sorted_entries(ConstSpan entries, Index first, Index last, SturmWorkspace& workspace,
                         Span eigenvalues) {
    std::vector<double>& sorted = workspace.first_entries;
    sorted.assign(entries.begin(), entries.end());
    std::sort(sorted.begin(), sorted.end());
    std::copy_n(sorted.begin() + first, last - first + 1, eigenvalues.begin());
}

/// Raises counts so that they ascend with their points. Each is exact for a matrix near the one
/// given, but not the same for all points, so that near an eigenvalue they may descend.
void make_monotone(ConstSpan points, std::vector<Index>& order, std::span<Index> counts) {
    Index most = 0;
    const auto raise = [&](Index i) {
        Index& count = counts[static_cast<std::size_t>(i)];
        count = most = std::max(most, count);
    };
    if (std::is_sorted(points.begin(), points.end())) {
        for (Index i = 0; i < std::ssize(points); ++i) raise(i);
        return;
    }
    order.resize(points.size());
    std::iota(order.begin(), order.end(), Index{0});
    std::sort(order.begin(), order.end(), [&](Index i, Index j) {
        return points[static_cast<std::size_t>(i)] < points[static_cast<std::size_t>(j)];
    });
    for (const Index i : order) raise(i);
}

/// Counts at points that `place` takes into the range of the scaled matrix.
template <class Place>
void count_with(const SturmSequence& sequence, ConstSpan points, const Place& place,
                const RunControl& control, SturmWorkspace& workspace, std::span<Index> counts) {
    workspace.points.resize(points.size());
    std::transform(points.begin(), points.end(), workspace.points.begin(), place);
    evaluate_points(sequence, std::ssize(points), control, workspace);
    std::copy_n(workspace.below.begin(), points.size(), counts.begin());
}

/// Keeps those of the ascending values that lie in (lower, upper].
Index keep_between(double lower, double upper, Index n_found, Span values) {
    const auto begin = values.begin(), end = begin + n_found;
    const auto from = std::upper_bound(begin, end, lower);
    const auto to = std::upper_bound(from, end, upper);
    std::copy(from, to, begin);
    return to - from;
}

}  // namespace

void count_bidiagonal(ConstSpan q, ConstSpan e, ConstSpan points, const RunControl& control,
                      SturmWorkspace& workspace, std::span<Index> counts) {
    require_counts(points, counts);
    const BidiagonalSequence sequence(q, e, workspace);
    if (all_zero(e)) return count_entries_below(q, points, workspace, counts);
    // Points up to 0 have nothing below them and are not evaluated: next to 0 that is slow.
    const auto place = [&](double point) {
        constexpr double least = std::numeric_limits<double>::min();
        return point > 0.0 ? std::clamp(sequence.scaled(point), least, sequence.upper)
                           : sequence.upper;
    };
    count_with(sequence, points, place, control, workspace, counts);
    for (std::size_t i = 0; i < points.size(); ++i) {
        if (points[i] <= 0.0) counts[i] = 0;
    }
    make_monotone(points, workspace.order, counts);
}

void count_tridiagonal(ConstSpan d, ConstSpan squared_e, ConstSpan points,
                       const RunControl& control, SturmWorkspace& workspace,
                       std::span<Index> counts) {
    require_counts(points, counts);
    const TridiagonalSequence sequence(d, squared_e, true, workspace);
    if (all_zero(squared_e)) return count_entries_below(d, points, workspace, counts);
    const auto place = [&](double point) {
        return std::clamp(sequence.scaled(point), sequence.lower, sequence.upper);
    };
    count_with(sequence, points, place, control, workspace, counts);
    make_monotone(points, workspace.order, counts);
}

void bidiagonal_eigenvalues(ConstSpan q, ConstSpan e, Index first, Index last,
                            const RunControl& control, SturmWorkspace& workspace,
                            Span eigenvalues) {
    require_range(std::ssize(q), first, last, eigenvalues);
    BidiagonalSequence sequence(q, e, workspace);
    if (all_zero(e)) return take_sorted_entries(q, first, last, workspace, eigenvalues);
    sequence.bound_from_below();
    solve_by_sturm(sequence, first, last, 0.0, control, workspace, eigenvalues);
    for (double& value : eigenvalues) value = sequence.unscaled(value);
}

Index bidiagonal_eigenvalues_between(ConstSpan q, ConstSpan e, double lower, double upper,
                                     const RunControl& control, SturmWorkspace& workspace,
                                     Span eigenvalues) {
    const Index n = std::ssize(q);
    require_interval(n, lower, upper, eigenvalues);
    BidiagonalSequence sequence(q, e, workspace);
    if (all_zero(e)) {
        take_sorted_entries(q, 0, n - 1, workspace, eigenvalues);
        return keep_between(lower, upper, n, eigenvalues);
    }
    // A little more than asked for; the values found decide.
    const double margin = 1e-13;
    const double low = sequence.scaled(lower) * (1.0 - margin);
    const double high = sequence.scaled(upper) * (1.0 + margin);
    const Index first = low <= sequence.lower ? 0
                                              : count_below(sequence, std::min(low, sequence.upper),
                                                            control, workspace);
    const Index last = high <= 0.0
                           ? count_below(sequence, sequence.lower, control, workspace)
                           : count_below(sequence, std::clamp(high, sequence.lower, sequence.upper),
                                         control, workspace);
    const Index n_found = std::max<Index>(0, last - first);
    sequence.bound_from_below();
    solve_by_sturm(sequence, first, first + n_found - 1, 0.0, control, workspace,
                   eigenvalues.first(static_cast<std::size_t>(n_found)));
    for (Index i = 0; i < n_found; ++i) {
        double& value = eigenvalues[static_cast<std::size_t>(i)];
        value = sequence.unscaled(value);
    }
    return keep_between(lower, upper, n_found, eigenvalues);
}

void tridiagonal_eigenvalues_by_sturm(ConstSpan d, ConstSpan e, Index first, Index last,
                                      const RunControl& control, SturmWorkspace& workspace,
                                      Span eigenvalues) {
    require_range(std::ssize(d), first, last, eigenvalues);
    const TridiagonalSequence sequence(d, e, false, workspace);
    if (all_zero(e)) return take_sorted_entries(d, first, last, workspace, eigenvalues);
    solve_by_sturm(sequence, first, last, 0.0, control, workspace, eigenvalues);
    for (double& value : eigenvalues) value = sequence.unscaled(value);
}

Index tridiagonal_eigenvalues_between(ConstSpan d, ConstSpan e, double lower, double upper,
                                      const RunControl& control, SturmWorkspace& workspace,
                                      Span eigenvalues) {
    const Index n = std::ssize(d);
    require_interval(n, lower, upper, eigenvalues);
    const TridiagonalSequence sequence(d, e, false, workspace);
    Index n_found = n;
    if (all_zero(e)) {
        take_sorted_entries(d, 0, n - 1, workspace, eigenvalues);
    } else {
        const double margin = 0x1p-44;
        const auto limit = [&](double value) {
            return std::clamp(sequence.scaled(value), sequence.lower, sequence.upper);
        };
        const Index first = count_below(sequence, limit(lower) - margin, control, workspace);
        const Index last = count_below(sequence, limit(upper) + margin, control, workspace);
        n_found = std::max<Index>(0, last - first);
        solve_by_sturm(sequence, first, first + n_found - 1, 0.0, control, workspace,
                       eigenvalues.first(static_cast<std::size_t>(n_found)));
        for (Index i = 0; i < n_found; ++i) {
            double& value = eigenvalues[static_cast<std::size_t>(i)];
            value = sequence.unscaled(value);
        }
    }
    return keep_between(lower, upper, n_found, eigenvalues);
}

void count_bidiagonal(ConstSpan q, ConstSpan e, ConstSpan points, std::span<Index> counts) {
    SturmWorkspace workspace;
    count_bidiagonal(q, e, points, {}, workspace, counts);
}

void count_tridiagonal(ConstSpan d, ConstSpan squared_e, ConstSpan points,
                       std::span<Index> counts) {
    SturmWorkspace workspace;
    count_tridiagonal(d, squared_e, points, {}, workspace, counts);
}

}  // namespace htmu
