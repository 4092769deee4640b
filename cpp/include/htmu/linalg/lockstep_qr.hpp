#pragma once

#include <cstdint>
#include <memory>

#include "htmu/common/lockstep.hpp"
#include "htmu/common/parallel.hpp"
#include "htmu/common/types.hpp"

namespace htmu {

// Eigenvalues of many symmetric tridiagonal matrices of one size, one matrix a lane (see
// common/lockstep.hpp for the layout), by the root-free QR algorithm of Pal, Walker and Kahan.
//
// Absolute accuracy: each eigenvalue of an n by n matrix is right to 1e-15 sqrt(n) times the
// largest one's magnitude (0.2 to 0.6 of that as measured); small ones are not right relative to
// themselves. A matrix may have any scale: it is scaled by a power of 2 first. A matrix that holds
// NaN or infinity gives NaN for all its eigenvalues, and nothing else changes.

/// All eigenvalues, ascending in each lane, of the matrices with the given diagonals (n rows) and
/// squared off-diagonals (n - 1 rows), 1 <= lanes <= 32. Both inputs are destroyed. `eigenvalues`
/// has n rows and may be `diagonal` itself. Squares should neither overflow nor underflow.
///
/// Returns the lanes (bit k: lane k) whose iteration did not converge, which is not known to
/// happen; their eigenvalues are NaN.
[[nodiscard]] std::uint32_t lockstep_eigenvalues(Index n, Index lanes, double* diagonal,
                                                 double* squared_off_diagonal, double* eigenvalues,
                                                 const RunControl& control = {});

/// The same from the off-diagonals themselves, which are squared after scaling.
[[nodiscard]] std::uint32_t lockstep_eigenvalues_unsquared(Index n, Index lanes, double* diagonal,
                                                           double* off_diagonal,
                                                           double* eigenvalues,
                                                           const RunControl& control = {});

/// Sorts each lane of n rows ascending. A lane that holds NaN comes out in no order.
void lockstep_sort(Index n, Index lanes, double* values);

/// Aligned scratch memory that grows as needed and is kept for the next call.
class LockstepWorkspace {
   public:
    /// Memory for `rows` rows of 32 lanes; what it held before is lost.
    [[nodiscard]] double* rows(Index rows);

   private:
    struct Free {
        void operator()(double* memory) const noexcept;
    };
    std::unique_ptr<double[], Free> memory_;
    Index rows_ = 0;
};

/// All eigenvalues, ascending, of `count` (1 .. 32) matrices, each stored on its own: matrix k has
/// the diagonal d[k * d_stride + i], 0 <= i < n, the off-diagonal e[k * e_stride + i],
/// 0 <= i < n - 1, and its eigenvalues go to eigenvalues[k * stride + i]. False when a matrix did
/// not converge.
[[nodiscard]] bool lockstep_tridiagonal_eigenvalues(Index count, Index n, const double* d,
                                                    Index d_stride, const double* e, Index e_stride,
                                                    const RunControl& control,
                                                    LockstepWorkspace& workspace,
                                                    double* eigenvalues, Index stride);

/// The tridiagonal matrices T = B B^T of lower bidiagonal ones, from q_i = B_ii^2 (n rows) and
/// e_i = B_{i+1,i}^2 (n - 1 rows): the diagonals q_i + e_{i-1} and the squared off-diagonals q_i
/// e_i. The results may be written over q and e.
void lockstep_product_with_transpose(Index n, Index lanes, const double* q, const double* e,
                                     double* diagonal, double* squared_off_diagonal);

/// All eigenvalues of B B^T in each lane, ascending where certain, given q and e as above, to
/// relative accuracy where that is certain: the QR iteration's are refined by Newton steps in the
/// bidiagonal's own variables, and Sturm counts tell which eigenvalue each step leads to.
///
/// In lane k, the eigenvalues from index uncertain[k] up are right to 1e-14 of themselves; those
/// below it, if any, are right to the absolute accuracy above, and may even be negative, or larger
/// than the former. All are uncertain where QR did not converge. A lane that holds NaN, infinity or
/// a negative value gives NaN, and 0 uncertain ones.
void lockstep_bidiagonal_eigenvalues(Index n, Index lanes, const double* q, const double* e,
                                     LockstepWorkspace& workspace, double* eigenvalues,
                                     Index* uncertain, const RunControl& control = {});

}  // namespace htmu
