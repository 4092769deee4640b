#include "htmu/common/vectors.hpp"

#include "common/vector_functions.hpp"

namespace htmu::HTMU_TARGET {
namespace {

HTMU_INLINE WordVec words(Vec x) {
    return bits_as<WordVec>(x);
}
HTMU_INLINE WordVec words(IntVec x) {
    return bits_as<WordVec>(x);
}

IntVec load_ints(const std::int64_t* from) {
    IntVec x;
    __builtin_memcpy(&x, from, sizeof(x));
    return x;
}

/// True in the elements whose bits are set.
IntVec mask_of(unsigned bits) {
    IntVec mask{};
    for (int k = 0; k < width; ++k) mask[k] = ((bits >> k) & 1u) != 0 ? -1 : 0;
    return mask;
}

WordVec call(VectorFunction function, WordVec first, WordVec second, WordVec third) {
    const Vec a = bits_as<Vec>(first), b = bits_as<Vec>(second), c = bits_as<Vec>(third);
    const IntVec integers = bits_as<IntVec>(first);
    switch (function) {
        case VectorFunction::splat_double:
            return words(splat(a[0]));
        case VectorFunction::splat_int:
            return words(splat(std::int64_t{integers[0]}));
        case VectorFunction::splat_word:
            return splat(std::uint64_t{first[0]});
        case VectorFunction::lane_numbers:
            return words(lane_numbers());
        case VectorFunction::multiply_add:
            return words(multiply_add(a, b, c));
        case VectorFunction::multiply_subtract:
            return words(multiply_subtract(a, b, c));
        case VectorFunction::subtract_product:
            return words(subtract_product(a, b, c));
        case VectorFunction::absolute:
            return words(absolute(a));
        case VectorFunction::copy_sign:
            return words(copy_sign(a, b));
        case VectorFunction::square_root:
            return words(square_root(a));
        case VectorFunction::fast_reciprocal:
            return words(fast_reciprocal(a));
        case VectorFunction::fast_square_root:
            return words(fast_square_root(a));
        case VectorFunction::larger:
            return words(larger(a, b));
        case VectorFunction::smaller:
            return words(smaller(a, b));
        case VectorFunction::select_less:
            return words(a < b ? c : a);
        case VectorFunction::exponent_of:
            return words(exponent_of(a));
        case VectorFunction::mantissa_of:
            return words(mantissa_of(a));
        case VectorFunction::as_doubles:
            return words(as_doubles(integers));
        case VectorFunction::rounded_doubles:
            return words(rounded_doubles(integers));
        case VectorFunction::product_of_low_halves:
            return product_of_low_halves(first, second);
    }
    return WordVec{};
}

}  // namespace

Index vector_width() {
    return width;
}

void call_vector_function(VectorFunction function, const std::uint64_t* a, const std::uint64_t* b,
                          const std::uint64_t* c, std::uint64_t* result) {
    store_words(result, call(function, load_words(a), load_words(b), load_words(c)));
}

Reductions call_reductions(const double* a, const double* b) {
    const Vec x = load(a), y = load(b);
    return {mask_bits(x < y), less_bits(x, y), any(x < y),
            any_less(x, y),   sum_of(x),       largest_of(x)};
}

void call_load_and_store(const double* from, double* to) {
    store(to, load(from));
}

void call_load_first(const double* from, Index count, double* to) {
    store(to, load_first(from, count));
}

void call_store_first(const double* from, Index count, double* to) {
    store_first(to, load(from), count);
}

void call_gather(const double* from, const std::int64_t* index, double* to) {
    store(to, gather(from, load_ints(index)));
}

void call_gather_where(unsigned mask, const double* from, const std::int64_t* index,
                       const double* otherwise, double* to) {
    store(to, gather_where(mask_of(mask), from, load_ints(index), load(otherwise)));
}

void call_scatter_where(unsigned mask, double* to, const std::int64_t* index, const double* x) {
    scatter_where(mask_of(mask), to, load_ints(index), load(x));
}

void call_load_positions(const std::uint32_t* from, std::int64_t* to) {
    const IntVec positions = load_positions(from);
    __builtin_memcpy(to, &positions, sizeof(positions));
}

Index call_append_selected(std::uint32_t* list, Index size, const std::uint32_t* from,
                           unsigned mask) {
    return append_selected(list, size, from, mask);
}

Index call_append_positions(std::uint32_t* list, Index size, std::uint32_t first, unsigned mask) {
    return append_positions(list, size, first, mask);
}

}  // namespace htmu::HTMU_TARGET
