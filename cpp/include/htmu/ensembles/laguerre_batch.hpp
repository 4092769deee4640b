#pragma once

#include "htmu/common/parallel.hpp"
#include "htmu/ensembles/laguerre.hpp"

namespace htmu {

/// `size` independent matrices of the ensemble; matrix k is a function of (seed, k) alone.

/// Entries of the bidiagonal model: diagonal (size, n), subdiagonal (size, n - 1).
void sample_bidiagonal_batch(const LaguerreParameters& parameters, Index size, std::uint64_t seed,
                             const RunControl& control, Span diagonal, Span subdiagonal);

/// Eigenvalues (size, n), ascending in each row.
void sample_eigenvalues_batch(const LaguerreParameters& parameters, Index size, std::uint64_t seed,
                              const RunControl& control, Span eigenvalues);

/// Log-Vandermonde of the eigenvalues (size), without keeping them.
void sample_log_vandermonde_batch(const LaguerreParameters& parameters, Index size,
                                  std::uint64_t seed, const RunControl& control,
                                  Span log_vandermondes);

}  // namespace htmu
