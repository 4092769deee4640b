#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "htmu/common/types.hpp"

namespace htmu {

/// A product of positive normal numbers kept as mantissa in [1, 2) and integer exponent, so that
/// it neither overflows nor underflows and costs no logarithm a factor.
class ScaledProduct {
   public:
    void multiply(double positive_normal) noexcept {
        mantissa_ *= positive_normal;
        const auto bits = std::bit_cast<std::uint64_t>(mantissa_);
        exponent_ += static_cast<std::int64_t>(bits >> 52) - 1023;
        mantissa_ = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u);
    }
    void add_exponent(std::int64_t exponent) noexcept { exponent_ += exponent; }

    [[nodiscard]] double log() const noexcept {
        constexpr double log_2 = 0.693147180559945309417232121458;
        // Around 1, so that the logarithm of a product close to 1 is not a difference.
        const bool upper = mantissa_ > 1.4142135623730951;
        return static_cast<double>(exponent_ + (upper ? 1 : 0)) * log_2 +
               std::log(upper ? 0.5 * mantissa_ : mantissa_);
    }

   private:
    double mantissa_ = 1.0;
    std::int64_t exponent_ = 0;
};

/// Sum of log x_i for x_i >= 0 by one product; -infinity when a value is 0.
[[nodiscard]] inline double sum_of_logs(ConstSpan x) {
    ScaledProduct product;
    double logs_of_subnormals = 0.0;
    for (const double value : x) {
        if (value >= std::numeric_limits<double>::min()) {
            product.multiply(value);
        } else {
            logs_of_subnormals += std::log(value);
        }
    }
    return product.log() + logs_of_subnormals;
}

}  // namespace htmu
