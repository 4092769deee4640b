#pragma once

#include <vector>

#include "htmu/common/parallel.hpp"
#include "htmu/common/types.hpp"
#include "htmu/linalg/lapack.hpp"

namespace htmu {

/// LAPACK routine for the eigenvalues of a symmetric tridiagonal matrix.
enum class TridiagonalDriver {
    sterf,  ///< root-free QL/QR; all eigenvalues; absolute accuracy
    stebz,  ///< bisection on Sturm counts; any range
    stemr,  ///< dqds with relatively robust representations; all eigenvalues
};

/// Which eigenvalues to compute.
struct EigenvalueRange {
    enum class Kind { all, indices, values };
    Kind kind = Kind::all;
    Index first_index = 0;  ///< indices: 0-based, inclusive
    Index last_index = 0;   ///< indices: 0-based, inclusive
    double lower = 0.0;     ///< values: the half-open interval (lower, upper]
    double upper = 0.0;
};

/// Rough time in nanoseconds that the spectrum of one n x n matrix takes.
[[nodiscard]] inline double spectrum_cost(Index n) {
    const auto size = static_cast<double>(n);
    return 100.0 + 40.0 * size + 12.0 * size * size;
}

/// Scratch memory of the tridiagonal and bidiagonal drivers; one per thread, grown as needed.
struct SpectrumWorkspace {
    std::vector<double> diagonal;
    std::vector<double> off_diagonal;
    std::vector<double> subdiagonal;
    std::vector<double> work;
    std::vector<LapackInt> integer_work;
};

/// Eigenvalues, ascending, of one symmetric tridiagonal matrix with diagonal d (n) and
/// off-diagonal e (n - 1). Writes the first `count` entries of `eigenvalues` (size n) and returns
/// count. Absolute error a small multiple of eps times the norm. Throws ConvergenceFailure when
/// LAPACK reports one. The inputs must be finite.
Index tridiagonal_eigenvalues(ConstSpan d, ConstSpan e, TridiagonalDriver driver,
                              const EigenvalueRange& range, SpectrumWorkspace& workspace,
                              Span eigenvalues);

/// All eigenvalues by sterf, as above, without copies of the input: overwrites d and e.
void tridiagonal_eigenvalues_in_place(Span d, Span e, Span eigenvalues);

/// The same for `batch` matrices stored one after another: d is (batch, n), e (batch, n - 1),
/// eigenvalues (batch, k) where k = n, or the number of indices asked for. A range by values is
/// refused, for its count differs from matrix to matrix. Throws NonFinite naming the matrix.
void tridiagonal_eigenvalues_batch(Index batch, Index n, ConstSpan d, ConstSpan e,
                                   TridiagonalDriver driver, const EigenvalueRange& range,
                                   const RunControl& control, Span eigenvalues);

}  // namespace htmu
