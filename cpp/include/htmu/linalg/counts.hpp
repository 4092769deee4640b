#pragma once

#include <cstdint>
#include <span>

#include "htmu/common/parallel.hpp"
#include "htmu/common/types.hpp"

namespace htmu {

/// Number of eigenvalues below each of m points, for `batch` symmetric tridiagonal matrices stored
/// one after another: d is (batch, n), e (batch, n - 1), counts (batch, m). Throws NonFinite naming
/// the matrix. The points may be in any order, and must not be NaN.
void count_eigenvalues_batch(Index batch, Index n, ConstSpan d, ConstSpan e, ConstSpan points,
                             const RunControl& control, std::span<std::int64_t> counts);

}  // namespace htmu
