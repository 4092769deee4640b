#pragma once

#include <cstdint>

#include "htmu/common/types.hpp"
#include "htmu/ensembles/matrix_model.hpp"
#include "htmu/ensembles/parameters.hpp"
#include "htmu/ensembles/spectra.hpp"
#include "htmu/random/gamma_table.hpp"

namespace htmu {

/// The beta-Laguerre ensemble: eigenvalues with joint density proportional to
/// prod l_i^a e^{-rate l_i} prod_{i<j} |l_i - l_j|^beta on (0, inf)^n.
struct LaguerreParameters {
    Index n = 1;
    double beta = 1.0;  ///< >= 0; 0 is the limit of n independent Gamma(a + 1)
    double a = 0.0;     ///< > -1
    double rate = 1.0;  ///< > 0
};

/// Throws InvalidInput naming the parameter that lies outside its domain.
void check_parameters(const LaguerreParameters& parameters);

/// Closed forms from Selberg's integral (rate r shifts S by -n(n-1)/2 log r and sum log l by
/// -n log r, and divides sum l by r). O(n) digammas and trigammas.
/// Source: Forrester and Warnaar, Bull. Amer. Math. Soc. 45, 489 (2008), for the integral.
[[nodiscard]] Moments log_vandermonde_moments(const LaguerreParameters& parameters);
[[nodiscard]] Moments log_determinant_moments(const LaguerreParameters& parameters);
[[nodiscard]] Moments trace_moments(const LaguerreParameters& parameters);

/// Shape of the Gamma law of the trace (rate as in the parameters): n(a+1) + beta n(n-1)/2.
[[nodiscard]] double trace_shape(const LaguerreParameters& parameters);

/// E sum l^2 and E sum l^3, from the bidiagonal model: B B^T is tridiagonal with entries that are
/// sums and products of independent Gamma variates.
[[nodiscard]] double mean_sum_squares(const LaguerreParameters& parameters);
[[nodiscard]] double mean_sum_cubes(const LaguerreParameters& parameters);

/// The accuracy that leaves differences of eigenvalues meaningful. For a >= 0 the density of
/// eigenvalues is bounded at 0, so that two of them are within eps of each other, relative to the
/// largest, with a probability of that order; for a < 0 they crowd at 0.
[[nodiscard]] inline EigenvalueAccuracy sufficient_accuracy(double a) noexcept {
    return a >= 0.0 ? EigenvalueAccuracy::absolute : EigenvalueAccuracy::relative;
}

/// The bidiagonal model of Dumitriu and Edelman (J. Math. Phys. 43, 5830, 2002; Algorithm 2 of
/// Hodgkinson, Wang and Mahoney, ICML 2025): lower bidiagonal B with independent entries,
/// rate B_ii^2 ~ Gamma(a + 1 + beta (n-i)/2) and rate B_{i+1,i}^2 ~ Gamma(beta (n-i)/2), i = 1..n;
/// the eigenvalues are those of B B^T, the squared singular values of B.
class LaguerreSampler final : public MatrixModel {
   public:
    explicit LaguerreSampler(const LaguerreParameters& parameters);

    [[nodiscard]] Index n() const noexcept override { return diagonal_.size(); }
    [[nodiscard]] Form form() const noexcept override { return Form::bidiagonal; }

    /// The entries of B: diagonal (n) and subdiagonal (n - 1). Diagonal entry i (0-based) is entry
    /// 2i of its matrix's streams, subdiagonal entry i is entry 2i + 1.
    void sample(StreamKey key, std::uint64_t matrix, Span diagonal,
                Span subdiagonal) const override;
    void sample_lockstep(Entries entries, StreamKey key, MatrixNumbers numbers, double* diagonal,
                         double* subdiagonal) const override;

    /// Logarithms of the squared entries, which do not underflow: -infinity where an entry is 0.
    void sample_log_squares(StreamKey key, std::uint64_t matrix, Span diagonal,
                            Span subdiagonal) const;

   private:
    GammaTable diagonal_;
    GammaTable subdiagonal_;
    double rate_;
};

}  // namespace htmu
