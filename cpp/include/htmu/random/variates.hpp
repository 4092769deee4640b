#pragma once

#include <cmath>

#include "htmu/random/stream.hpp"

namespace htmu {

/// Standard normal, by the 256-layer ziggurat with a separate layer index and a 53-bit abscissa.
/// Source: Marsaglia and Tsang, J. Stat. Softw. 5(8), 2000; Doornik, "An improved ziggurat
/// method to generate normal random samples", 2005.
[[nodiscard]] double normal_variate(Stream& stream) noexcept;

/// Standard exponential, by inversion.
[[nodiscard]] inline double exponential_variate(Stream& stream) noexcept {
    return -std::log(stream.uniform());
}

/// Gamma variates of one shape > 0 and rate 1, with the constants of the rejection step computed
/// once. Shapes below 1 use G(a) = G(a + 1) U^(1/a), taken in logarithms, so that log_variate is
/// finite for shapes down to about 1e-306 although the variate itself underflows.
/// Source: Marsaglia and Tsang, ACM Trans. Math. Softw. 26, 363 (2000).
class GammaLaw {
   public:
    explicit GammaLaw(double shape) noexcept
        : shape_(shape),
          boosted_(shape < 1.0),
          offset_((boosted_ ? shape + 1.0 : shape) - 1.0 / 3.0),
          spread_(1.0 / std::sqrt(9.0 * offset_)) {}

    [[nodiscard]] double shape() const noexcept { return shape_; }

    [[nodiscard]] double variate(Stream& stream) const noexcept {
        const double cube_root = accepted_cube_root(stream);
        const double value = offset_ * cube_root * cube_root * cube_root;
        return boosted_ ? value * std::exp(-exponential_variate(stream) / shape_) : value;
    }

    [[nodiscard]] double log_variate(Stream& stream) const noexcept {
        const double cube_root = accepted_cube_root(stream);
        const double value = std::log(offset_) + 3.0 * std::log(cube_root);
        return boosted_ ? value - exponential_variate(stream) / shape_ : value;
    }

    /// Square root of a variate; underflows only when the root itself does.
    [[nodiscard]] double sqrt_variate(Stream& stream) const noexcept {
        const double cube_root = accepted_cube_root(stream);
        const double value = std::sqrt(offset_ * cube_root * cube_root * cube_root);
        return boosted_ ? value * std::exp(-0.5 * exponential_variate(stream) / shape_) : value;
    }

   private:
    /// 1 + c Z for an accepted normal Z: the accepted variate is offset times its cube.
    [[nodiscard]] double accepted_cube_root(Stream& stream) const noexcept {
        for (;;) {
            const double normal = normal_variate(stream);
            const double root = 1.0 + spread_ * normal;
            const double uniform = stream.uniform();
            if (root <= 0.0) continue;
            const double square = normal * normal;
            if (uniform < 1.0 - 0.0331 * square * square) return root;
            const double cube = root * root * root;
            if (std::log(uniform) < 0.5 * square + offset_ * (1.0 - cube + 3.0 * std::log(root))) {
                return root;
            }
        }
    }

    double shape_;
    bool boosted_;
    double offset_;
    double spread_;
};

/// Chi with df > 0 degrees of freedom.
[[nodiscard]] inline double chi_variate(Stream& stream, double df) noexcept {
    constexpr double sqrt_2 = 1.4142135623730951;
    return sqrt_2 * GammaLaw(0.5 * df).sqrt_variate(stream);
}

}  // namespace htmu
