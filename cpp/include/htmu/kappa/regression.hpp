#pragma once

#include <vector>

#include "htmu/common/types.hpp"

namespace htmu {

/// Count, means and centred second moments of vectors, mergeable.
/// Source: Chan, Golub and LeVeque, Amer. Statist. 37, 242 (1983).
class MomentAccumulator {
   public:
    explicit MomentAccumulator(std::size_t dimension)
        : mean_(dimension), scatter_(dimension * dimension) {}

    /// The moments of `rows` (count x dimension), by two passes.
    static MomentAccumulator of_rows(ConstSpan rows, std::size_t dimension);

    /// The result depends on the order of merging, in the last bits.
    void merge(const MomentAccumulator& other);

    [[nodiscard]] double count() const noexcept { return count_; }
    [[nodiscard]] std::size_t dimension() const noexcept { return mean_.size(); }
    [[nodiscard]] double mean(std::size_t i) const noexcept { return mean_[i]; }
    [[nodiscard]] double scatter(std::size_t i, std::size_t j) const noexcept {
        return scatter_[i * mean_.size() + j];
    }
    /// Sample variance of a linear combination of the coordinates from `first` on.
    [[nodiscard]] double variance(std::size_t first, ConstSpan weights) const;

   private:
    double count_ = 0.0;
    std::vector<double> mean_;
    std::vector<double> scatter_;
};

/// Linear control variates: the first `n_responses` coordinates are regressed on those that follow,
/// one for each exact mean given; later coordinates play no part.
///
/// For jointly normal coordinates the adjusted mean, minus its expectation, over its standard
/// error is exactly Student's t with count - 1 - rank degrees of freedom.
/// Source: Lavenberg and Welch, Management Science 27, 322 (1981).
class ControlRegression {
   public:
    ControlRegression(const MomentAccumulator& moments, std::size_t n_responses,
                      const std::vector<double>& control_means);

    /// Mean of a response, adjusted by the controls.
    [[nodiscard]] double adjusted_mean(std::size_t response) const { return adjusted_[response]; }

    /// Standard error of the adjusted mean of the combination of responses with these weights.
    [[nodiscard]] double standard_error(ConstSpan weights) const;

    [[nodiscard]] double degrees_of_freedom() const noexcept { return degrees_of_freedom_; }

   private:
    std::size_t n_responses_;
    std::vector<double> adjusted_;
    std::vector<double> residual_;  // n_responses^2: the scatter that the controls leave
    double count_;
    double degrees_of_freedom_;
    double leverage_;  // 1/count + distance of the controls' means from their exact values
};

}  // namespace htmu
