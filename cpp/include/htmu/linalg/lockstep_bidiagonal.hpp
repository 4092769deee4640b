#pragma once

#include <cstdint>
#include <vector>

#include "htmu/common/lockstep.hpp"
#include "htmu/common/types.hpp"
#include "htmu/linalg/lockstep_qr.hpp"
#include "htmu/linalg/sturm.hpp"

namespace htmu {

/// Scratch memory of lockstep_bidiagonal_spectra; one per thread, grown as needed.
struct BidiagonalWorkspace {
    LockstepWorkspace lockstep;
    SturmWorkspace sturm;
    std::vector<double> q, e, eigenvalues;
};

/// Eigenvalues, ascending, of B B^T for matrices B side by side, given their squared entries q (n
/// rows) and e (n - 1 rows), which are kept: each to a relative 1e-14, down to 1e-289 times the
/// largest. By QR and a Newton step on the bidiagonal form; the smallest eigenvalues of a matrix,
/// where that is not certified, by Sturm counts. On one thread; control stops it half-way. Throws
/// ConvergenceFailure.
void lockstep_bidiagonal_spectra(Index n, Index lanes, const double* q, const double* e,
                                 const RunControl& control, BidiagonalWorkspace& workspace,
                                 double* eigenvalues);

/// Throws ConvergenceFailure unless no lane failed.
void require_converged(std::uint32_t failed_lanes);

}  // namespace htmu
