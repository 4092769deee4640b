#pragma once

#include <cstdint>

#include "htmu/common/types.hpp"
#include "htmu/random/stream.hpp"
#include "htmu/random/variates.hpp"

// Arrays of variates: out[k] is drawn from Stream(key, first_matrix + k, 0) and has the bits that
// the function for one variate gives, whatever the instruction set. An array may be filled in any
// pieces. Thread-safe; nothing is allocated, but up to 90 KiB of the stack are used.

namespace htmu {

/// Standard normal variates, as normal_variate.
void fill_normal(StreamKey key, std::uint64_t first_matrix, Span out);

/// Standard exponential variates, as exponential_variate.
void fill_exponential(StreamKey key, std::uint64_t first_matrix, Span out);

/// scale times a form of Gamma variates of one shape, as GammaLaw::draw; to logarithms, log(scale)
/// is added. shape and scale must be positive and finite.
void fill_gamma(StreamKey key, std::uint64_t first_matrix, double shape, GammaForm form, Span out,
                double scale = 1.0);

/// The same with a shape for each variate; `shapes` is as long as `out`.
void fill_gamma(StreamKey key, std::uint64_t first_matrix, ConstSpan shapes, GammaForm form,
                Span out, double scale = 1.0);

/// Chi variates of one df > 0, or of one df each, as chi_variate.
void fill_chi(StreamKey key, std::uint64_t first_matrix, double df, Span out);
void fill_chi(StreamKey key, std::uint64_t first_matrix, ConstSpan dfs, Span out);

}  // namespace htmu
