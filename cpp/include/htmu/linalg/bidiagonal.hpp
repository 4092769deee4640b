#pragma once

#include "htmu/common/parallel.hpp"
#include "htmu/common/types.hpp"
#include "htmu/linalg/tridiagonal.hpp"

namespace htmu {

/// Singular values, descending, of one bidiagonal matrix with diagonal d (n) and off-diagonal e
/// (n - 1), upper or lower alike, by dqds (LAPACK lasq1): every singular value to high relative
/// accuracy, however small. Throws ConvergenceFailure when LAPACK reports one.
/// Source: Fernando and Parlett, Numer. Math. 67, 191 (1994).
void bidiagonal_singular_values(ConstSpan d, ConstSpan e, SpectrumWorkspace& workspace,
                                Span singular_values);

/// The same for `batch` matrices stored one after another. Throws NonFinite naming the matrix.
void bidiagonal_singular_values_batch(Index batch, Index n, ConstSpan d, ConstSpan e,
                                      const RunControl& control, Span singular_values);

}  // namespace htmu
