#pragma once

namespace htmu {

/// psi(x) = d/dx log Gamma(x) for x > 0; NaN elsewhere. Recurrence up to x >= 10, then the
/// asymptotic series (DLMF 5.11.2). Error below 4e-16 max(1, |psi|), from 1e-300 to 1e300.
[[nodiscard]] double digamma(double x) noexcept;

/// psi'(x) for x > 0; NaN elsewhere. Recurrence up to x >= 10, then the asymptotic series
/// (DLMF 5.15.8). Relative error below 1e-15 from 1e-150 to 1e300.
[[nodiscard]] double trigamma(double x) noexcept;

/// psi(x + d) - psi(x) for x > 0 and d >= 0, NaN elsewhere, without the cancellation of the plain
/// difference: recurrence and series are differenced term by term. Relative error below 2e-15.
[[nodiscard]] double digamma_difference(double x, double d) noexcept;

/// psi'(x) - psi'(x + d) for x > 0 and d >= 0, likewise.
[[nodiscard]] double trigamma_difference(double x, double d) noexcept;

/// psi'(x) - 1/x, about 1/(2 x^2) for large x, where the plain difference cancels; x > 0, NaN
/// elsewhere. By 1/x = sum_k 1/((x + k)(x + k + 1)) every term of the recurrence is positive.
/// Relative error below 1e-15 from 1e-100 to 1e100.
[[nodiscard]] double trigamma_excess(double x) noexcept;

}  // namespace htmu
