#pragma once

#include <cstdint>
#include <vector>

#include "htmu/common/types.hpp"
#include "htmu/ensembles/matrix_model.hpp"
#include "htmu/ensembles/parameters.hpp"
#include "htmu/random/gamma_table.hpp"

namespace htmu {

/// The beta-Hermite (Gaussian) ensemble: eigenvalues with joint density proportional to
/// prod e^{-rate l_i^2 / 2} prod_{i<j} |l_i - l_j|^beta on R^n.
struct HermiteParameters {
    Index n = 1;
    double beta = 1.0;  ///< >= 0; 0 is the limit of n independent N(0, 1/rate)
    double rate = 1.0;  ///< > 0
};

/// Throws InvalidInput naming the parameter that lies outside its domain.
void check_parameters(const HermiteParameters& parameters);

/// Moments of S, by differentiating the logarithm of Mehta's integral
/// (2 pi)^{n/2} prod_{j=1}^n Gamma(1 + j beta/2) / Gamma(1 + beta/2) in beta; rate r shifts S by
/// -n(n-1)/4 log r. O(n) digammas and trigammas.
/// Source: Mehta, Random Matrices, 3rd ed. (2004), 17.6.7.
[[nodiscard]] Moments log_vandermonde_moments(const HermiteParameters& parameters);

/// sum l is N(0, n/rate): the projection onto (1, ..., 1), to which the differences are blind.
[[nodiscard]] Moments trace_moments(const HermiteParameters& parameters);

/// rate/2 sum l^2 is Gamma(n/2 + beta n(n-1)/4), for S is homogeneous.
[[nodiscard]] Moments sum_squares_moments(const HermiteParameters& parameters);

/// The tridiagonal model of Dumitriu and Edelman (J. Math. Phys. 43, 5830, 2002): independent
/// entries, diagonal N(0, 1/rate), rate times the squared off-diagonal Gamma(beta (n-i)/2),
/// i = 1..n-1.
class HermiteSampler final : public MatrixModel {
   public:
    explicit HermiteSampler(const HermiteParameters& parameters);

    [[nodiscard]] Index n() const noexcept override { return n_; }
    [[nodiscard]] Form form() const noexcept override { return Form::tridiagonal; }

    /// Diagonal entry i (0-based) is entry 2i of its matrix's streams, off-diagonal entry i is
    /// entry 2i + 1.
    void sample(StreamKey key, std::uint64_t matrix, Span diagonal,
                Span off_diagonal) const override;

    void sample_lockstep(Entries entries, StreamKey key, MatrixNumbers numbers, double* diagonal,
                         double* off_diagonal) const override;

   private:
    Index n_;
    double rate_;
    std::vector<std::uint32_t> diagonal_entries_;
    GammaTable off_diagonal_;
};

}  // namespace htmu
