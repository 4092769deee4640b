#include "htmu/kappa/regression.hpp"

#include <algorithm>
#include <cmath>

namespace htmu {

MomentAccumulator MomentAccumulator::of_rows(ConstSpan rows, std::size_t dimension) {
    MomentAccumulator moments(dimension);
    const std::size_t count = rows.size() / dimension;
    moments.count_ = static_cast<double>(count);
    for (std::size_t row = 0; row < count; ++row) {
        for (std::size_t i = 0; i < dimension; ++i) moments.mean_[i] += rows[row * dimension + i];
    }
    for (double& mean : moments.mean_) mean /= std::max(1.0, moments.count_);
    std::vector<double> centred(dimension);
    for (std::size_t row = 0; row < count; ++row) {
        for (std::size_t i = 0; i < dimension; ++i) {
            centred[i] = rows[row * dimension + i] - moments.mean_[i];
        }
        for (std::size_t i = 0; i < dimension; ++i) {
            for (std::size_t j = 0; j <= i; ++j) {
                moments.scatter_[i * dimension + j] += centred[i] * centred[j];
            }
        }
    }
    for (std::size_t i = 0; i < dimension; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            moments.scatter_[j * dimension + i] = moments.scatter_[i * dimension + j];
        }
    }
    return moments;
}

void MomentAccumulator::merge(const MomentAccumulator& other) {
    if (other.count_ == 0.0) return;
    const double total = count_ + other.count_;
    const double cross = count_ * other.count_ / total;
    const std::size_t dimension = mean_.size();
    std::vector<double> gap(dimension);
    for (std::size_t i = 0; i < dimension; ++i) gap[i] = other.mean_[i] - mean_[i];
    for (std::size_t i = 0; i < dimension; ++i) {
        for (std::size_t j = 0; j < dimension; ++j) {
            scatter_[i * dimension + j] +=
                other.scatter_[i * dimension + j] + cross * gap[i] * gap[j];
        }
        mean_[i] += gap[i] * (other.count_ / total);
    }
    count_ = total;
}

namespace {

/// Share of a control's variance below which it counts as a combination of those before it.
constexpr double rank_tolerance = 1e-11;

/// Sum of w_i w_j a_ij for a positive semi-definite a, whose rounding may leave it below 0.
template <class Matrix>
double quadratic_form(ConstSpan weights, const Matrix& entry) {
    double sum = 0.0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        for (std::size_t j = 0; j < weights.size(); ++j)
            sum += weights[i] * weights[j] * entry(i, j);
    }
    return std::max(0.0, sum);
}

}  // namespace

ControlRegression::ControlRegression(const MomentAccumulator& moments, std::size_t n_responses,
                                     const std::vector<double>& control_means)
    : n_responses_(n_responses), count_(moments.count()) {
    const std::size_t n_controls = control_means.size();
    const std::size_t r = n_responses;
    for (std::size_t i = 0; i < r; ++i) {
        adjusted_.push_back(moments.mean(i));
        for (std::size_t j = 0; j < r; ++j) residual_.push_back(moments.scatter(i, j));
    }
    leverage_ = 1.0 / count_;

    // Sweep the controls out one by one, the one with the largest unexplained share first: a
    // pivoted Cholesky factorisation of their scatter, carried along the responses and the gaps
    // between sample means and exact means.
    std::vector<double> scatter(n_controls * n_controls);
    std::vector<double> cross(n_controls * r);
    std::vector<double> gap(n_controls);
    std::vector<double> initial(n_controls);
    std::vector<bool> used(n_controls, false);
    for (std::size_t i = 0; i < n_controls; ++i) {
        for (std::size_t j = 0; j < n_controls; ++j) {
            scatter[i * n_controls + j] = moments.scatter(r + i, r + j);
        }
        for (std::size_t k = 0; k < r; ++k) cross[i * r + k] = moments.scatter(r + i, k);
        gap[i] = moments.mean(r + i) - control_means[i];
        initial[i] = scatter[i * n_controls + i];
        // A control that varies only by rounding is a constant.
        const double rounding = 1e-14 * std::fabs(moments.mean(r + i));
        if (!(initial[i] > count_ * rounding * rounding)) used[i] = true;
    }
    double rank = 0.0;
    for (;;) {
        std::size_t pivot = n_controls;
        double best = rank_tolerance;
        for (std::size_t i = 0; i < n_controls; ++i) {
            if (used[i]) continue;
            const double share = scatter[i * n_controls + i] / initial[i];
            if (share > best) {
                best = share;
                pivot = i;
            }
        }
        if (pivot == n_controls || count_ - 2.0 - rank < 1.0) break;
        used[pivot] = true;
        rank += 1.0;
        const double variance = scatter[pivot * n_controls + pivot];
        leverage_ += gap[pivot] * gap[pivot] / variance;
        for (std::size_t k = 0; k < r; ++k) {
            const double slope = cross[pivot * r + k] / variance;
            adjusted_[k] -= slope * gap[pivot];
            for (std::size_t l = 0; l < r; ++l) {
                residual_[k * r + l] -= slope * cross[pivot * r + l];
            }
        }
        for (std::size_t i = 0; i < n_controls; ++i) {
            if (used[i]) continue;
            const double slope = scatter[i * n_controls + pivot] / variance;
            gap[i] -= slope * gap[pivot];
            for (std::size_t k = 0; k < r; ++k) cross[i * r + k] -= slope * cross[pivot * r + k];
            for (std::size_t j = 0; j < n_controls; ++j) {
                scatter[i * n_controls + j] -= slope * scatter[pivot * n_controls + j];
            }
        }
    }
    degrees_of_freedom_ = std::max(1.0, count_ - 1.0 - rank);
}

double ControlRegression::standard_error(ConstSpan weights) const {
    const double residual = quadratic_form(
        weights, [&](std::size_t i, std::size_t j) { return residual_[i * n_responses_ + j]; });
    return std::sqrt(residual / degrees_of_freedom_ * leverage_);
}

double MomentAccumulator::variance(std::size_t first, ConstSpan weights) const {
    return quadratic_form(weights, [&](std::size_t i,
                                       std::size_t j) { return scatter(first + i, first + j); }) /
           std::max(1.0, count_ - 1.0);
}

}  // namespace htmu
