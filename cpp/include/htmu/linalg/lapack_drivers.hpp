#pragma once

#include <vector>

#include "htmu/common/types.hpp"
#include "htmu/linalg/eigenvalue_range.hpp"
#include "htmu/linalg/lapack.hpp"

namespace htmu {

/// Scratch memory of the LAPACK drivers; one per thread, grown as needed.
struct LapackWorkspace {
    std::vector<double> diagonal;
    std::vector<double> off_diagonal;
    std::vector<double> work;
    std::vector<LapackInt> integer_work;
};

/// Eigenvalues, ascending, of one symmetric tridiagonal matrix with diagonal d (n) and off-diagonal
/// e (n - 1), both finite, by one of LAPACK's routines. Absolute error a small multiple of eps
/// times the norm. They throw ConvergenceFailure when LAPACK reports one.

/// Root-free QL/QR; writes n values.
void sterf_eigenvalues(ConstSpan d, ConstSpan e, LapackWorkspace& workspace, Span eigenvalues);
/// Bisection; writes those in the range, and returns their number.
Index stebz_eigenvalues(ConstSpan d, ConstSpan e, const EigenvalueRange& range,
                        LapackWorkspace& workspace, Span eigenvalues);
/// dqds with relatively robust representations; writes n values.
void stemr_eigenvalues(ConstSpan d, ConstSpan e, LapackWorkspace& workspace, Span eigenvalues);

/// Singular values, descending, of one bidiagonal matrix with diagonal d (n) and off-diagonal e
/// (n - 1), upper or lower alike, by dqds: each to high relative accuracy, however small. Throws
/// ConvergenceFailure when LAPACK reports one.
/// Source: Fernando and Parlett, Numer. Math. 67, 191 (1994).
void lasq1_singular_values(ConstSpan d, ConstSpan e, LapackWorkspace& workspace,
                           Span singular_values);

}  // namespace htmu
