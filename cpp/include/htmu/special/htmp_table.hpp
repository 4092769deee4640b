#pragma once

#include <vector>

#include "htmu/common/parallel.hpp"
#include "htmu/common/types.hpp"
#include "htmu/special/htmp_kernels.hpp"

namespace htmu {

/// The high-temperature Marchenko-Pastur law of mean 1, for b = kappa / 2 > 0 and
/// delta = b (1 / gamma - 1) >= 0:
///
///     f(x) = c y^(delta - 1) e^-y / (Gamma(b + 1) Gamma(b + delta) |U(b, 1 - delta, -y)|^2),
///
/// c = b + delta, y = c x, U Tricomi's function on its cut (DLMF 13.2.42). Source: Hodgkinson, Wang
/// and Mahoney, Models of Heavy-Tailed Mechanistic Universality (2025), Theorem 4.1.
///
/// The phase of U is pi b F(x), and l = log(pi b x f), as a function of s = log x, is the one
/// solution of  l'' = l'^2 / 2 + 2 Q - 2 e^{2 l},  Q = b y - (y - delta)^2 / 4 - y / 2,  that does
/// not oscillate (DLMF 13.14.1, Liouville's form, in Milne's amplitude and phase). It is marched
/// from the bulk towards both tails by Radau collocation; the distribution function follows from a
/// linear equation, stable from each tail to the median. What remains is a table of polynomials in
/// s of degree 16, for log f, and for log F below the median and log S = log(1 - F) above it.
///
/// Measured errors, for gamma >= 0.02, to kappa = 1e3 and to 1e5: relative error of f where
/// |log f| <= 30, 4e-14 and 2e-12; of log f beside max(1, |log f|), 2e-14 and 2e-13; relative error
/// of F and S each, down to 1e-290, 3e-13 and 5e-12. Derivatives 1e-11 beside max(1, themselves),
/// to kappa = 60. Below b = 2.5e-5 the error of S grows like 1e-17 / b.
///
/// Construction takes 0.1 to 1 ms. A table does not change any more, so that threads may share it.
/// Results differ between instruction sets, by rounding errors.
class HtmpTable {
   public:
    /// The domain: b from smallest_b to largest_b, delta from 0 to largest_delta.
    static constexpr double smallest_b = 1e-6, largest_b = 1e8, largest_delta = 1e15;

    /// With `gradient`, derivatives by the parameters too. Throws InvalidInput outside the domain,
    /// and ConvergenceFailure.
    HtmpTable(double b, double delta, bool gradient = false);

    [[nodiscard]] double b() const noexcept { return pieces_.b; }
    [[nodiscard]] double delta() const noexcept { return pieces_.delta; }
    [[nodiscard]] bool has_gradient() const noexcept { return !by_b_.empty(); }
    [[nodiscard]] Index n_segments() const noexcept { return n_segments_; }
    /// Newton iterations of the march.
    [[nodiscard]] Index n_iterations() const noexcept { return n_iterations_; }
    /// F + S - 1 at the median, where the passes from both tails meet: an error estimate.
    [[nodiscard]] double mismatch() const noexcept { return mismatch_; }

    /// The quantity at each x. Limits at x <= 0 and infinity: f(0) is infinite for delta < 1 and 0
    /// for delta > 1. NaN gives NaN. A value depends on its x alone, not on those beside it.
    void evaluate(HtmpQuantity quantity, ConstSpan x, const RunControl& control, Span values) const;
    /// log f, and its derivatives by b, by delta (at fixed x) and by log x: four rows of x.size(),
    /// NaN where f(x) is 0 or infinite. Throws InvalidInput for a table without gradient.
    void gradient(ConstSpan x, const RunControl& control, Span values) const;
    /// x where F(x) = p, or 1 - F(x) = p if `upper`; NaN for p outside [0, 1]. Throws
    /// ConvergenceFailure.
    void quantiles(bool upper, ConstSpan p, const RunControl& control, Span x) const;

   private:
    std::vector<double> edge_, key_, middle_, inverse_half_, density_, cumulative_;
    std::vector<double> by_b_, by_delta_;
    HtmpPieces pieces_{};
    Index n_segments_ = 0, n_iterations_ = 0;
    double mismatch_ = 0.0;

    friend class HtmpTableBuilder;
    HtmpPieces pieces() const noexcept;
};

}  // namespace htmu
