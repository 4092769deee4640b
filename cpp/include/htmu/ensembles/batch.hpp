#pragma once

#include <cstdint>
#include <span>

#include "htmu/common/parallel.hpp"
#include "htmu/ensembles/laguerre.hpp"
#include "htmu/ensembles/matrix_model.hpp"
#include "htmu/ensembles/spectra.hpp"

namespace htmu {

/// `size` independent matrices of a model; matrix k is a function of (seed, k) alone.

/// Entries: diagonal (size, n), off-diagonal (size, n - 1).
void sample_matrices(const MatrixModel& model, Index size, std::uint64_t seed,
                     const RunControl& control, Span diagonal, Span off_diagonal);

/// What is wanted of `size` spectra. The accuracy is a bidiagonal model's; above max_lockstep_size
/// it is always relative.
void sample_spectra_batch(const MatrixModel& model, Index size, std::uint64_t seed,
                          const RunControl& control, const SpectraOutput& output,
                          EigenvalueAccuracy accuracy = EigenvalueAccuracy::relative);

/// Logarithms (size, n), ascending, of eigenvalues that may lie outside the range of doubles.
void sample_log_eigenvalues(const LaguerreSampler& model, Index size, std::uint64_t seed,
                            const RunControl& control, Span log_eigenvalues);

/// Number of eigenvalues of all `size` matrices in each of the bins [edges[i], edges[i + 1]), by
/// Sturm counts: edges ascending, one more than counts.
void sample_histogram(const MatrixModel& model, Index size, std::uint64_t seed, ConstSpan edges,
                      const RunControl& control, std::span<std::int64_t> counts);

}  // namespace htmu
