#pragma once

#include <cstdint>
#include <vector>

#include "htmu/common/parallel.hpp"
#include "htmu/ensembles/matrix_model.hpp"
#include "htmu/linalg/lockstep_bidiagonal.hpp"

namespace htmu {

/// How the eigenvalues of a bidiagonal model are computed.
enum class EigenvalueAccuracy {
    relative,  ///< each to 1e-14 of itself, however small
    absolute,  ///< to some eps sqrt(n) times the largest, and faster
};

/// Largest matrices whose spectra are computed in lockstep. A larger one is solved alone by Sturm
/// counts, on all threads, so that it can be interrupted and fits into the cache. The rule depends
/// on the size only, so a spectrum has the same bits in any batch.
inline constexpr Index max_lockstep_size = 4096;

/// What is kept of each spectrum; an empty span is not computed.
struct SpectraOutput {
    Span eigenvalues;       ///< (count, n), ascending in each row
    Span log_determinants;  ///< (count): sum of log l, of bidiagonal models only
    Span log_vandermondes;  ///< (count)
};

/// Scratch memory of sample_spectra; one per thread.
struct SpectraWorkspace {
    LockstepWorkspace entries;
    BidiagonalWorkspace bidiagonal;
    std::vector<double> diagonal, off_diagonal, eigenvalues;
};

/// Draws matrices of a model and their spectra, side by side: the sampler feeds the eigenvalue
/// kernels, and these the log-Vandermonde, without leaving the cache. A row is a function of (key,
/// the matrix's number) alone. Only matrices above max_lockstep_size use more than one thread.
/// Throws ConvergenceFailure.
void sample_spectra(const MatrixModel& model, StreamKey key, MatrixNumbers numbers,
                    EigenvalueAccuracy accuracy, const RunControl& control,
                    SpectraWorkspace& workspace, const SpectraOutput& output);

}  // namespace htmu
