#pragma once

#include <cmath>

namespace htmu {

/// A sum whose rounding error does not grow with the number of terms.
/// Source: Neumaier, Z. Angew. Math. Mech. 54, 39 (1974).
class CompensatedSum {
   public:
    void add(double term) noexcept {
        const double sum = sum_ + term;
        correction_ +=
            std::fabs(sum_) >= std::fabs(term) ? (sum_ - sum) + term : (term - sum) + sum_;
        sum_ = sum;
    }
    [[nodiscard]] double value() const noexcept { return sum_ + correction_; }

   private:
    double sum_ = 0.0;
    double correction_ = 0.0;
};

}  // namespace htmu
