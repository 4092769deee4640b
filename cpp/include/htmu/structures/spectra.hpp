#pragma once

#include "htmu/common/parallel.hpp"
#include "htmu/structures/structured_law.hpp"

namespace htmu {

/// Eigenvalues (size, N), ascending in each row, of samples 0 .. size - 1 of the law.
/// Throws InvalidInput when the law has fewer samples.
void draw_spectra(StructuredLaw& law, Index size, std::uint64_t seed, const RunControl& control,
                  Span eigenvalues);

}  // namespace htmu
