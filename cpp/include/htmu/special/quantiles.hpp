#pragma once

namespace htmu {

/// Quantile of the standard normal law at probability in (0, 1); NaN elsewhere. Relative error
/// about 1e-15. Source: Wichura, "Algorithm AS 241", Appl. Statist. 37, 477 (1988).
[[nodiscard]] double normal_quantile(double probability) noexcept;

/// Quantile of Student's t law with dof >= 1 degrees of freedom at probability in (0, 1); NaN
/// elsewhere. Newton on the incomplete beta function (DLMF 8.17.22) from the Cornish-Fisher
/// start (Abramowitz and Stegun 26.7.5); relative error below 1e-11.
[[nodiscard]] double student_t_quantile(double probability, double dof) noexcept;

}  // namespace htmu
