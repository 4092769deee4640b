// Logarithms of the eigenvalues of B B^T from logarithms of the squared entries.

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/sturm.hpp"
#include "sturm_sequence.hpp"

namespace htmu {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double log_2 = 0.693147180559945309417232121458;
/// Exponent that marks a zero in ExtendedValues.
constexpr double exponent_of_zero = -0x1p50;
/// Logarithms up to here keep the reduction below exact.
constexpr double largest_logarithm = 1e9;
/// Eigenvalues above this fraction of the largest entry are left to plain doubles.
constexpr int plain_exponent = -950;

/// exp(logarithm) as mantissa in [0.7, 1.5) and exponent, to a relative error of about 1e-16
/// whatever the exponent: log 2 in pieces of 22 bits makes the first two products exact.
void split_logarithm(double logarithm, double& mantissa, double& exponent) {
    if (logarithm == -infinity) {
        mantissa = 0.0;
        exponent = exponent_of_zero;
        return;
    }
    constexpr double high = 0x1.62e428p-1, middle = 0x1.fbe8ep-23, low = 0x1.ef35793c7673p-45;
    exponent = std::nearbyint(logarithm / log_2);
    const double rest = ((logarithm - exponent * high) - exponent * middle) - exponent * low;
    mantissa = std::exp(rest);
}

/// log(exp(a) + exp(b)).
double log_of_sum(double a, double b) {
    const double larger = std::max(a, b), smaller = std::min(a, b);
    return smaller == -infinity ? larger : larger + std::log1p(std::exp(smaller - larger));
}

/// A lower bound of the logarithms of the eigenvalues that are not zero, in O(n).
double lower_bound_of_logs(ConstSpan log_q, ConstSpan log_e, double log_largest) {
    if (std::find(log_q.begin(), log_q.end(), -infinity) == log_q.end()) {
        // The trace of the inverse: row i of B^-1 has the squared norm r_i = (1 + e r_{i-1}) / q_i.
        double log_row = -infinity, log_trace = -infinity;
        for (std::size_t i = 0; i < log_q.size(); ++i) {
            const double carried = i == 0 ? -infinity : log_e[i - 1] + log_row;
            log_row = log_of_sum(0.0, carried) - log_q[i];
            log_trace = log_of_sum(log_trace, log_row);
        }
        return -log_trace;
    }
    // B has the rank r of a maximal matching of rows with columns, for its graph is a path, and
    // the product of the r eigenvalues that are not zero is at least that of the matched entries.
    double sum = 0.0;
    bool row_matched = false;
    const double log_norm = log_largest + 2.0 * log_2;
    for (std::size_t i = 0; i < log_q.size(); ++i) {
        const bool column_matched = !row_matched && log_q[i] != -infinity;
        if (column_matched) sum += std::min(0.0, log_q[i] - log_norm);
        row_matched = i < log_e.size() && !column_matched && log_e[i] != -infinity;
        if (row_matched) sum += std::min(0.0, log_e[i] - log_norm);
    }
    return log_norm + sum;
}

/// det(2^y - B B^T) as a function of y, with exponents of any size.
class ExtendedSequence final : public SturmSequence {
   public:
    ExtendedSequence(ConstSpan log_q, ConstSpan log_e) {
        n = std::ssize(log_q);
        q_mantissa_.resize(log_q.size());
        q_exponent_.resize(log_q.size());
        e_mantissa_.assign(log_q.size(), 0.0);
        e_exponent_.assign(log_q.size(), exponent_of_zero);
        for (std::size_t i = 0; i < log_q.size(); ++i) {
            split_logarithm(log_q[i], q_mantissa_[i], q_exponent_[i]);
        }
        for (std::size_t i = 0; i < log_e.size(); ++i) {
            split_logarithm(log_e[i], e_mantissa_[i], e_exponent_[i]);
        }
        absolute_tolerance = 0x1p-51;
        absolute_certainty = 0x1p-50;
        widest = 2.0;
        step_cost = 10.0;
    }

    void evaluate(const double* points, Index n_points, Zeros zeros,
                  const SturmValues& values) const override {
        constexpr Index at_once = 8 * sturm_group;
        double mantissas[at_once], exponents[at_once];
        for (Index begin = 0; begin < n_points; begin += at_once) {
            const Index count = std::min(at_once, n_points - begin);
            for (Index i = 0; i < count; ++i) {
                exponents[i] = std::floor(points[begin + i]);
                mantissas[i] = std::exp2(points[begin + i] - exponents[i]);
            }
            HTMU_DISPATCH(evaluate_extended)
            ({q_mantissa_.data(), q_exponent_.data()}, {e_mantissa_.data(), e_exponent_.data()}, n,
             {mantissas, exponents}, count, zeros,
             {values.mantissa + begin, values.exponent + begin, values.below + begin});
        }
    }

    /// The squared entries divided by 2^exponent, as plain doubles; tiny ones become 0.
    void plain_squares(double exponent, std::vector<double>& q, std::vector<double>& e) const {
        const auto plain = [&](double mantissa, double full_exponent) {
            const double shifted = std::max(full_exponent - exponent, -2000.0);
            return std::ldexp(mantissa, static_cast<int>(shifted));
        };
        q.resize(q_mantissa_.size());
        e.resize(q.size() - 1);
        for (std::size_t i = 0; i < q.size(); ++i) q[i] = plain(q_mantissa_[i], q_exponent_[i]);
        for (std::size_t i = 0; i < e.size(); ++i) e[i] = plain(e_mantissa_[i], e_exponent_[i]);
    }

   private:
    std::vector<double> q_mantissa_, q_exponent_, e_mantissa_, e_exponent_;
};

/// log(value 2^exponent).
double log_of(double value, double exponent) {
    if (std::fabs(exponent) < 2000.0) {
        const double product = std::ldexp(value, static_cast<int>(exponent));
        if (product >= std::numeric_limits<double>::min() && product < infinity) {
            return std::log(product);
        }
    }
    return std::log(value) + exponent * log_2;
}

void require_logarithms(ConstSpan logarithms, const char* what) {
    for (const double value : logarithms) {
        if (!(value <= largest_logarithm) || (value < -largest_logarithm && value != -infinity)) {
            throw NonFinite(std::string(what) +
                            " must hold logarithms within 1e9 of 0, or -infinity, got " +
                            std::to_string(value));
        }
    }
}

}  // namespace

void log_bidiagonal_eigenvalues(ConstSpan log_q, ConstSpan log_e, const RunControl& control,
                                SturmWorkspace& workspace, Span log_eigenvalues) {
    const Index n = std::ssize(log_q);
    if (n == 0) return;
    if (std::ssize(log_e) != n - 1 || std::ssize(log_eigenvalues) != n) {
        throw InvalidInput(
            "a matrix of size n has n - 1 off-diagonal entries and n eigenvalues, "
            "got n = " +
            std::to_string(n) + ", " + std::to_string(log_e.size()) + " and " +
            std::to_string(log_eigenvalues.size()));
    }
    require_logarithms(log_q, "log_q");
    require_logarithms(log_e, "log_e");
    double log_largest = *std::max_element(log_q.begin(), log_q.end());
    if (n > 1) log_largest = std::max(log_largest, *std::max_element(log_e.begin(), log_e.end()));
    if (log_largest == -infinity) {
        std::fill(log_eigenvalues.begin(), log_eigenvalues.end(), -infinity);
        return;
    }

    ExtendedSequence extended(log_q, log_e);
    const double scale = std::nearbyint(log_largest / log_2);
    extended.plain_squares(scale, workspace.first_squares, workspace.second_squares);
    const BidiagonalSequence plain(workspace.first_squares, workspace.second_squares, workspace);
    const Index first_plain =
        count_below(plain, std::ldexp(1.0, plain_exponent), control, workspace);
    const auto n_extended = static_cast<std::size_t>(first_plain);
    solve_by_sturm(plain, first_plain, n - 1, 0.0, control, workspace,
                   log_eigenvalues.subspan(n_extended));
    for (double& value : log_eigenvalues.subspan(n_extended)) {
        value = log_of(plain.unscaled(value), scale);
    }
    if (first_plain == 0) return;

    const double bound = lower_bound_of_logs(log_q, log_e, log_largest) / log_2;
    extended.upper = scale + static_cast<double>(plain_exponent) + 4.0;
    extended.lower = std::min(bound - 1.0 - 1e-12 * std::fabs(bound), extended.upper - 1.0);
    solve_by_sturm(extended, 0, first_plain - 1, -infinity, control, workspace,
                   log_eigenvalues.first(n_extended));
    for (double& value : log_eigenvalues.first(n_extended)) value *= log_2;
}

}  // namespace htmu
