#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "htmu/common/parallel.hpp"
#include "htmu/common/types.hpp"

namespace htmu {

// Counts and eigenvalues of one matrix by Sturm sequences, many points at a time. A bidiagonal B is
// given by the squares of its entries, q_i = B_ii^2 (n of them) and e_i = B_{i+1,i}^2 (n - 1), and
// stands for B B^T; upper or lower makes no difference. All functions throw NonFinite where an
// entry is NaN or infinite and InvalidInput where a square is negative or a size is wrong. Matrices
// of any scale are taken: they are scaled by a power of two. Large matrices use
// control.n_threads threads; the results are the same bits for any number of them.
//
// Eigenvalues are certified: for each one returned, counts were taken at two points around it, and
// only the counts decide. What a count guarantees, and how close the points are, bounds the error
// of every eigenvalue of every matrix; no estimate of convergence enters.

/// Scratch memory, grown as needed; one per calling thread.
struct SturmWorkspace {
    std::vector<double> first_entries, second_entries;
    std::vector<double> first_squares, second_squares;
    std::vector<double> points, mantissas, exponents;
    std::vector<std::int64_t> below;
    std::vector<Index> order;
};

/// Number of eigenvalues of B B^T below each point (any order; infinities allowed, NaN refused).
/// Exact for a matrix whose entries differ from the given ones by a few eps each, relatively: an
/// eigenvalue may count on the wrong side of a point only where it is within about
/// eps * sqrt(n) of it, relatively. Counts ascend with the points, and those of a diagonal matrix
/// are exact: an eigenvalue that equals the point is not below it. Points below 1e-289 times the
/// largest entry count only the eigenvalues that are exactly 0 reliably.
void count_bidiagonal(ConstSpan q, ConstSpan e, ConstSpan points, const RunControl& control,
                      SturmWorkspace& workspace, std::span<Index> counts);
void count_bidiagonal(ConstSpan q, ConstSpan e, ConstSpan points, std::span<Index> counts);

/// Number of eigenvalues below each point of the symmetric tridiagonal matrix with diagonal d (n)
/// and squared off-diagonal squared_e (n - 1). An eigenvalue within a few eps times the norm of a
/// point may count on either side; counts ascend with the points, and those of a diagonal matrix
/// are exact.
void count_tridiagonal(ConstSpan d, ConstSpan squared_e, ConstSpan points,
                       const RunControl& control, SturmWorkspace& workspace,
                       std::span<Index> counts);
void count_tridiagonal(ConstSpan d, ConstSpan squared_e, ConstSpan points, std::span<Index> counts);

/// Eigenvalues first..last (0-based, inclusive, in ascending order) of B B^T. Relative error of
/// each that exceeds 1e-289 times the largest entry: at most 2^-50 besides that of counts;
/// typically below 1e-15 together, and about eps * sqrt(n) at worst (below 1e-14 for n = 10000).
/// Those below are returned as 0. `eigenvalues` has last - first + 1 entries. Throws
/// ConvergenceFailure.
void bidiagonal_eigenvalues(ConstSpan q, ConstSpan e, Index first, Index last,
                            const RunControl& control, SturmWorkspace& workspace, Span eigenvalues);

/// Those in the half-open interval (lower, upper]: writes the first of the n entries of
/// `eigenvalues` and returns how many.
[[nodiscard]] Index bidiagonal_eigenvalues_between(ConstSpan q, ConstSpan e, double lower,
                                                   double upper, const RunControl& control,
                                                   SturmWorkspace& workspace, Span eigenvalues);

/// Eigenvalues first..last (0-based, inclusive, in ascending order) of the symmetric tridiagonal
/// matrix with diagonal d (n) and off-diagonal e (n - 1). Absolute error at most 2^-51 times the
/// norm besides that of counts: at most 1e-15 times the norm, whatever n. `eigenvalues` has last -
/// first + 1 entries. Throws ConvergenceFailure.
void tridiagonal_eigenvalues_by_sturm(ConstSpan d, ConstSpan e, Index first, Index last,
                                      const RunControl& control, SturmWorkspace& workspace,
                                      Span eigenvalues);

/// Those in the half-open interval (lower, upper]: writes the first of the n entries of
/// `eigenvalues` and returns how many.
[[nodiscard]] Index tridiagonal_eigenvalues_between(ConstSpan d, ConstSpan e, double lower,
                                                    double upper, const RunControl& control,
                                                    SturmWorkspace& workspace, Span eigenvalues);

/// Natural logarithms, ascending, of all eigenvalues of B B^T from the natural logarithms of the
/// squares, for eigenvalues far outside the range of doubles. log_q and log_e may be -infinity (an
/// entry 0); a zero eigenvalue gives -infinity. Error at most 1e-14 max(1, |log eigenvalue|),
/// given that the logarithms of the entries are below 1e9 in magnitude. Throws ConvergenceFailure.
void log_bidiagonal_eigenvalues(ConstSpan log_q, ConstSpan log_e, const RunControl& control,
                                SturmWorkspace& workspace, Span log_eigenvalues);

}  // namespace htmu
