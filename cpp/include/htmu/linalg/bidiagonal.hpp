#pragma once

#include "htmu/common/parallel.hpp"
#include "htmu/common/types.hpp"
#include "htmu/linalg/eigenvalue_range.hpp"
#include "htmu/linalg/tridiagonal.hpp"

namespace htmu {

/// How the singular values of bidiagonal matrices are computed: each to high relative accuracy.
enum class BidiagonalDriver {
    automatic,  ///< qr for all values of a batch; sturm for a range or few large matrices; lasq1
                ///< for a matrix whose squared entries or values leave the range of doubles
    qr,         ///< root-free QR in lockstep, corrected by Newton's method and Sturm counts
    sturm,      ///< Sturm counts at many points at once, one matrix at a time; any range
    lasq1,      ///< LAPACK: dqds; all singular values
};

/// Singular values, descending, of `batch` bidiagonal matrices stored one after another: d is
/// (batch, n), e (batch, n - 1), upper or lower alike; singular_values is (batch, k). The range
/// counts from the smallest. Throws NonFinite, ConvergenceFailure and InvalidInput.
void bidiagonal_singular_values_batch(Index batch, Index n, ConstSpan d, ConstSpan e,
                                      BidiagonalDriver driver, const EigenvalueRange& range,
                                      Finiteness finiteness, const RunControl& control,
                                      Span singular_values);

/// Natural logarithms, ascending, of the eigenvalues of B B^T for `batch` bidiagonal matrices B
/// given the logarithms of their squared entries, log_q (batch, n) finite and log_e (batch, n - 1)
/// finite or -infinity. Error below 1e-14 max(1, |log l|).
void log_bidiagonal_eigenvalues_batch(Index batch, Index n, ConstSpan log_q, ConstSpan log_e,
                                      const RunControl& control, Span log_eigenvalues);

}  // namespace htmu
