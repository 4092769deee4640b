#pragma once

#include <cmath>

#include "htmu/random/elementary.hpp"
#include "htmu/random/stream.hpp"

namespace htmu {

/// Standard normal, by the 256-layer ziggurat with a separate layer index and a 53-bit abscissa.
/// Source: see ziggurat.hpp.
[[nodiscard]] double normal_variate(Stream& stream) noexcept;

/// Standard exponential, by inversion.
[[nodiscard]] inline double exponential_variate(Stream& stream) noexcept {
    return -portable_log(stream.uniform());
}

/// What is wanted of a Gamma variate.
enum class GammaForm {
    value,
    square_root,  ///< underflows only when the root itself does
    logarithm,    ///< finite for shapes down to about 1e-306
};

/// Gamma variates of one shape > 0 and rate 1, with the constants of the rejection step computed
/// once. Shapes below 1 use G(a) = G(a + 1) U^(1/a), taken in logarithms, so that log_variate is
/// finite for shapes down to about 1e-306 although the variate itself underflows.
///
/// Every operation is rounded by itself and the logarithms are our own, so a variate has the same
/// bits on every processor.
/// Source: Marsaglia and Tsang, ACM Trans. Math. Softw. 26, 363 (2000).
class GammaLaw {
   public:
    explicit GammaLaw(double shape) noexcept
        : offset_((shape < 1.0 ? shape + 1.0 : shape) - 1.0 / 3.0),
          spread_(1.0 / std::sqrt(9.0 * offset_)),
          boost_(shape < 1.0 ? 1.0 / shape : 0.0) {}

    /// The law with the constants that offset(), spread() and boost() of another one give.
    GammaLaw(double offset, double spread, double boost) noexcept
        : offset_(offset), spread_(spread), boost_(boost) {}

    /// d and c of the rejection step, whose variate is d (1 + c Z)^3.
    [[nodiscard]] double offset() const noexcept { return offset_; }
    [[nodiscard]] double spread() const noexcept { return spread_; }
    /// 1 / shape below 1, else 0: how much of an exponential is taken off the logarithm.
    [[nodiscard]] double boost() const noexcept { return boost_; }

    [[nodiscard]] double variate(Stream& stream) const noexcept {
        const double cube_root = accepted_cube_root(stream);
        const double value = offset_ * cube_root * cube_root * cube_root;
        return boosted() ? value * portable_exp(-exponential_variate(stream) * boost_) : value;
    }

    [[nodiscard]] double log_variate(Stream& stream) const noexcept {
        const double cube_root = accepted_cube_root(stream);
        const double value = portable_log(offset_) + 3.0 * portable_log(cube_root);
        return boosted() ? value - exponential_variate(stream) * boost_ : value;
    }

    /// Square root of a variate; underflows only when the root itself does.
    [[nodiscard]] double sqrt_variate(Stream& stream) const noexcept {
        const double cube_root = accepted_cube_root(stream);
        const double value = std::sqrt(offset_ * cube_root * cube_root * cube_root);
        return boosted() ? value * portable_exp(-0.5 * exponential_variate(stream) * boost_)
                         : value;
    }

    [[nodiscard]] double draw(GammaForm form, Stream& stream) const noexcept {
        switch (form) {
            case GammaForm::square_root:
                return sqrt_variate(stream);
            case GammaForm::logarithm:
                return log_variate(stream);
            case GammaForm::value:
                break;
        }
        return variate(stream);
    }

   private:
    [[nodiscard]] bool boosted() const noexcept { return boost_ > 0.0; }

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
            if (portable_log(uniform) <
                0.5 * square + offset_ * (1.0 - cube + 3.0 * portable_log(root))) {
                return root;
            }
        }
    }

    double offset_;
    double spread_;
    double boost_;
};

/// Chi with df > 0 degrees of freedom.
[[nodiscard]] inline double chi_variate(Stream& stream, double df) noexcept {
    constexpr double sqrt_2 = 1.4142135623730951;
    return sqrt_2 * GammaLaw(0.5 * df).sqrt_variate(stream);
}

}  // namespace htmu
