#pragma once

#include <cstdint>
#include <vector>

#include "htmu/common/types.hpp"
#include "htmu/ensembles/matrix_model.hpp"
#include "htmu/ensembles/parameters.hpp"
#include "htmu/random/variates.hpp"

namespace htmu {

/// The beta-Jacobi (MANOVA) ensemble: eigenvalues with joint density proportional to
/// prod l_i^a (1 - l_i)^b prod_{i<j} |l_i - l_j|^beta on (0, 1)^n.
struct JacobiParameters {
    Index n = 1;
    double beta = 1.0;  ///< >= 0; 0 is the limit of n independent Beta(a + 1, b + 1)
    double a = 0.0;     ///< > -1
    double b = 0.0;     ///< > -1
};

/// Throws InvalidInput naming the parameter that lies outside its domain.
void check_parameters(const JacobiParameters& parameters);

/// Closed forms from Selberg's integral: derivatives of its logarithm in beta (S), in a (sum log l)
/// and in b (sum log(1 - l)). O(n) digammas and trigammas.
/// Source: Forrester and Warnaar, Bull. Amer. Math. Soc. 45, 489 (2008), eq. (1.1).
[[nodiscard]] Moments log_vandermonde_moments(const JacobiParameters& parameters);
[[nodiscard]] Moments log_determinant_moments(const JacobiParameters& parameters);
[[nodiscard]] Moments log_complement_moments(const JacobiParameters& parameters);

/// Moments of sum l. The mean is Aomoto's (SIAM J. Math. Anal. 18, 545, 1987); the variance follows
/// from the averages of the Jack polynomials of degree 2 (Kadell, Adv. Math. 130, 33, 1997).
[[nodiscard]] Moments trace_moments(const JacobiParameters& parameters);

/// Cosine and sine of a random angle in [0, pi/2] whose squared cosine is Beta(p, q).
struct Rotation {
    double cosine = 1.0;
    double sine = 0.0;
};

/// With X ~ Gamma(p) and Y ~ Gamma(q) independent, X / (X + Y) ~ Beta(p, q). Neither square root is
/// got from the other, so both are accurate when one is tiny; where a shape is below 1 the Gammas
/// are drawn in logarithms, so that both may underflow.
class RotationLaw {
   public:
    RotationLaw(double p, double q) noexcept
        : cosine_(p), sine_(q), in_logarithms_(p < 1.0 || q < 1.0) {}

    [[nodiscard]] const GammaLaw& cosine() const noexcept { return cosine_; }
    [[nodiscard]] const GammaLaw& sine() const noexcept { return sine_; }
    [[nodiscard]] bool in_logarithms() const noexcept { return in_logarithms_; }

    /// Draws X from one stream and Y from another.
    [[nodiscard]] Rotation variate(Stream& of_cosine, Stream& of_sine) const noexcept;

   private:
    GammaLaw cosine_, sine_;
    bool in_logarithms_;
};

/// The bidiagonal model of Killip and Nenciu (Int. Math. Res. Not. 2004, 2665), in the form of
/// Edelman and Sutton (Found. Comput. Math. 8, 259, 2008). With independent angles, k = n..1,
/// cos^2 t_k ~ Beta(a + 1 + beta (k-1)/2, b + 1 + beta (k-1)/2) and, k = n-1..1,
/// cos^2 u_k ~ Beta(beta k/2, a + b + 2 + beta (k-1)/2), the lower bidiagonal B has the diagonal
/// cos t_n, cos t_{n-1} sin u_{n-1}, ..., cos t_1 sin u_1 and the subdiagonal
/// sin t_n cos u_{n-1}, ..., sin t_2 cos u_1 (its signs do not matter); the eigenvalues are those
/// of B B^T, the squared singular values of B.
class JacobiSampler final : public MatrixModel {
   public:
    explicit JacobiSampler(const JacobiParameters& parameters);

    [[nodiscard]] Index n() const noexcept override { return static_cast<Index>(outer_.size()); }
    [[nodiscard]] Form form() const noexcept override { return Form::bidiagonal; }
    [[nodiscard]] double support_end() const noexcept override { return 1.0; }

    /// The entries of B: diagonal (n) and subdiagonal (n - 1). The Gammas of t_{n-i} (i = 0..n-1)
    /// are entries 4i and 4i + 1 of their matrix's streams, those of u_{n-1-i} entries 4i + 2 and
    /// 4i + 3.
    void sample(StreamKey key, std::uint64_t matrix, Span diagonal,
                Span subdiagonal) const override;

   private:
    std::vector<RotationLaw> outer_;  // of t_n, ..., t_1
    std::vector<RotationLaw> inner_;  // of u_{n-1}, ..., u_1; empty for beta = 0
};

}  // namespace htmu
