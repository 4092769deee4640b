#pragma once

namespace htmu {

/// psi(x) = d/dx log Gamma(x) for x > 0; NaN elsewhere. Recurrence up to x >= 10, then the
/// asymptotic series (DLMF 5.11.2). Error below 4e-16 max(1, |psi|), from 1e-300 to 1e300.
[[nodiscard]] double digamma(double x) noexcept;

/// psi'(x) for x > 0; NaN elsewhere. Recurrence up to x >= 10, then the asymptotic series
/// (DLMF 5.15.8). Relative error below 1e-15 from 1e-150 to 1e300.
[[nodiscard]] double trigamma(double x) noexcept;

}  // namespace htmu
