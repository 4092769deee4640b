#pragma once

#include "htmu/common/parallel.hpp"
#include "htmu/common/types.hpp"
#include "htmu/linalg/eigenvalue_range.hpp"

namespace htmu {

/// How the eigenvalues of symmetric tridiagonal matrices are computed.
enum class TridiagonalDriver {
    automatic,  ///< qr for all eigenvalues of a batch; sturm for a range or few large matrices
    qr,         ///< root-free QR, many matrices in lockstep; all eigenvalues
    sturm,      ///< Sturm counts at many points at once, one matrix at a time; any range
    sterf,      ///< LAPACK: root-free QL/QR; all eigenvalues
    stebz,      ///< LAPACK: bisection; any range
    stemr,      ///< LAPACK: dqds with relatively robust representations; all eigenvalues
};

/// What `automatic` stands for when all eigenvalues of `batch` matrices of size n are wanted. A
/// group in lockstep takes about as long for one matrix as for many.
[[nodiscard]] TridiagonalDriver driver_for_all(Index batch, Index n) noexcept;

/// Whether entries may be NaN or infinite.
enum class Finiteness {
    require,    ///< throw NonFinite naming the first such matrix
    propagate,  ///< such a matrix gives NaN, and the others their eigenvalues
};

/// Rough time in nanoseconds that the spectrum of one n x n matrix of a batch takes.
[[nodiscard]] double spectrum_cost(Index n) noexcept;

/// Eigenvalues, ascending, of `batch` matrices stored one after another: d is (batch, n), e
/// (batch, n - 1), eigenvalues (batch, k) with k = n, or the number of indices asked for. Absolute
/// error a small multiple of eps times the norm. Refuses a range by values, for its count differs
/// from matrix to matrix, and a range with a driver that has none. Throws NonFinite,
/// ConvergenceFailure and InvalidInput.
void tridiagonal_eigenvalues_batch(Index batch, Index n, ConstSpan d, ConstSpan e,
                                   TridiagonalDriver driver, const EigenvalueRange& range,
                                   Finiteness finiteness, const RunControl& control,
                                   Span eigenvalues);

/// Those of one matrix in (lower, upper]: writes them to the front of `eigenvalues` (n) and returns
/// their number. Drivers automatic, sturm and stebz.
Index tridiagonal_eigenvalues_between(ConstSpan d, ConstSpan e, double lower, double upper,
                                      TridiagonalDriver driver, const RunControl& control,
                                      Span eigenvalues);

}  // namespace htmu
