#pragma once

#include <cstdint>

#include "htmu/common/dispatch.hpp"
#include "htmu/common/types.hpp"

// The functions of htmu/common/vectors.hpp, which only kernels can call, for test_vectors.cpp.
// Vectors are passed as arrays of vector_width() elements, and doubles and integers as their bits.

namespace htmu {

/// Those that work element by element.
enum class VectorFunction {
    splat_double,
    splat_int,
    splat_word,
    lane_numbers,
    multiply_add,
    multiply_subtract,
    subtract_product,
    absolute,
    copy_sign,
    square_root,
    fast_reciprocal,
    fast_square_root,
    larger,
    smaller,
    select_less,
    exponent_of,
    mantissa_of,
    as_doubles,
    rounded_doubles,
    product_of_low_halves,
};

/// What becomes of all elements.
struct Reductions {
    unsigned mask_bits_less;  ///< mask_bits(a < b)
    unsigned less_bits;
    bool any_of_less;  ///< any(a < b)
    bool any_less;
    double sum;
    double largest;
};

HTMU_DECLARE_KERNEL(Index, vector_width, ())
HTMU_DECLARE_KERNEL(void, call_vector_function,
                    (VectorFunction function, const std::uint64_t* a, const std::uint64_t* b,
                     const std::uint64_t* c, std::uint64_t* result))
HTMU_DECLARE_KERNEL(Reductions, call_reductions, (const double* a, const double* b))
HTMU_DECLARE_KERNEL(void, call_load_and_store, (const double* from, double* to))
HTMU_DECLARE_KERNEL(void, call_load_first, (const double* from, Index count, double* to))
HTMU_DECLARE_KERNEL(void, call_store_first, (const double* from, Index count, double* to))
HTMU_DECLARE_KERNEL(void, call_gather, (const double* from, const std::int64_t* index, double* to))
HTMU_DECLARE_KERNEL(void, call_gather_where,
                    (unsigned mask, const double* from, const std::int64_t* index,
                     const double* otherwise, double* to))
HTMU_DECLARE_KERNEL(void, call_scatter_where,
                    (unsigned mask, double* to, const std::int64_t* index, const double* x))
HTMU_DECLARE_KERNEL(void, call_load_positions, (const std::uint32_t* from, std::int64_t* to))
HTMU_DECLARE_KERNEL(Index, call_append_selected,
                    (std::uint32_t* list, Index size, const std::uint32_t* from, unsigned mask))
HTMU_DECLARE_KERNEL(Index, call_append_positions,
                    (std::uint32_t* list, Index size, std::uint32_t first, unsigned mask))

}  // namespace htmu
