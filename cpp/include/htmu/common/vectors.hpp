#pragma once

// Vectors of doubles for the kernels: included by cpp/src/<area>/kernels/*.cpp only, which are
// compiled once for each instruction set. Everything here lives in the namespace
// htmu::HTMU_TARGET and is inlined, so that no symbol compiled for one set is linked into code for
// another; for the same reason a kernel calls nothing of the standard library but <cmath> functions
// that are not templates.

#include <cstddef>
#include <cstdint>

// GCC 12 takes the undefined operands in its own header for mistakes.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include "htmu/common/types.hpp"

#ifndef HTMU_TARGET
#error "vectors.hpp is for the kernels, which are compiled with HTMU_TARGET set"
#endif

#define HTMU_INLINE static inline __attribute__((always_inline))
#define HTMU_MEMBER inline __attribute__((always_inline))

namespace htmu::HTMU_TARGET {

#if defined(__AVX512F__)
inline constexpr int width = 8;
#elif defined(__AVX2__)
inline constexpr int width = 4;
#else
inline constexpr int width = 2;
#endif

/// N doubles, signed or unsigned 64-bit integers, with the arithmetic of each element. Comparisons
/// of two of them give Ints<N>: -1 where true, 0 elsewhere; `mask ? a : b` selects.
template <int N>
struct VectorTypes {
    typedef double Doubles __attribute__((vector_size(8 * N)));
    typedef std::int64_t Ints __attribute__((vector_size(8 * N)));
    typedef std::uint64_t Words __attribute__((vector_size(8 * N)));
};
template <int N>
using Doubles = typename VectorTypes<N>::Doubles;
template <int N>
using Ints = typename VectorTypes<N>::Ints;
template <int N>
using Words = typename VectorTypes<N>::Words;

using Vec = Doubles<width>;
using IntVec = Ints<width>;
using WordVec = Words<width>;

inline constexpr std::uint64_t sign_bit = 0x8000000000000000u;
inline constexpr std::uint64_t mantissa_bits = 0x000FFFFFFFFFFFFFu;
inline constexpr std::uint64_t exponent_of_one = 0x3FF0000000000000u;

/// x in each lane. (x - 0 is x for every x, so that this compiles to a load; 0 + x is not, for -0.)
HTMU_INLINE Vec splat(double x) {
    return x - Vec{};
}
HTMU_INLINE IntVec splat(std::int64_t x) {
    return IntVec{} + x;
}
HTMU_INLINE WordVec splat(std::uint64_t x) {
    return WordVec{} + x;
}

/// The same bits as another type.
template <class To, class From>
HTMU_INLINE To bits_as(From from) {
    static_assert(sizeof(To) == sizeof(From));
    return reinterpret_cast<To>(from);
}

/// 0, 1, .., width - 1.
HTMU_INLINE IntVec lane_numbers() {
    IntVec lanes{};
    for (int k = 0; k < width; ++k) lanes[k] = k;
    return lanes;
}

HTMU_INLINE Vec load(const double* from) {
    Vec x;
    __builtin_memcpy(&x, from, sizeof(x));
    return x;
}
HTMU_INLINE void store(double* to, Vec x) {
    __builtin_memcpy(to, &x, sizeof(x));
}
HTMU_INLINE WordVec load_words(const std::uint64_t* from) {
    WordVec x;
    __builtin_memcpy(&x, from, sizeof(x));
    return x;
}
HTMU_INLINE void store_words(std::uint64_t* to, WordVec x) {
    __builtin_memcpy(to, &x, sizeof(x));
}

/// a b + c: one rounding with AVX2 and up, two at baseline, where it would be a library call. A
/// result that must be the same for every instruction set is written with * and + instead.
HTMU_INLINE Vec multiply_add(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
    return (Vec)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
    return (Vec)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
    return a * b + c;
#endif
}
/// a b - c and c - a b.
HTMU_INLINE Vec multiply_subtract(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
    return (Vec)_mm512_fmsub_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
    return (Vec)_mm256_fmsub_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
    return a * b - c;
#endif
}
HTMU_INLINE Vec subtract_product(Vec c, Vec a, Vec b) {
#if defined(__AVX512F__)
    return (Vec)_mm512_fnmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
    return (Vec)_mm256_fnmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
    return c - a * b;
#endif
}

HTMU_INLINE Vec absolute(Vec x) {
    return bits_as<Vec>(bits_as<WordVec>(x) & ~sign_bit);
}
/// |magnitude| with the sign of `sign`.
HTMU_INLINE Vec copy_sign(Vec magnitude, Vec sign) {
    return bits_as<Vec>((bits_as<WordVec>(magnitude) & ~sign_bit) |
                        (bits_as<WordVec>(sign) & sign_bit));
}

HTMU_INLINE Vec square_root(Vec x) {
#if defined(__AVX512F__)
    return (Vec)_mm512_sqrt_pd((__m512d)x);
#elif defined(__AVX2__)
    return (Vec)_mm256_sqrt_pd((__m256d)x);
#elif defined(__SSE2__)
    return (Vec)_mm_sqrt_pd((__m128d)x);
#else
    Vec root;
    for (int k = 0; k < width; ++k) root[k] = __builtin_sqrt(x[k]);
    return root;
#endif
}

/// The larger, the smaller; the second operand where one is NaN.
HTMU_INLINE Vec larger(Vec x, Vec y) {
    return x > y ? x : y;
}
HTMU_INLINE Vec smaller(Vec x, Vec y) {
    return x < y ? x : y;
}

/// Bit k is set where mask[k] is true.
HTMU_INLINE unsigned mask_bits(IntVec mask) {
#if defined(__AVX512F__)
    return _mm512_movepi64_mask((__m512i)mask);
#elif defined(__AVX2__)
    return static_cast<unsigned>(_mm256_movemask_pd((__m256d)mask));
#elif defined(__SSE2__)
    return static_cast<unsigned>(_mm_movemask_pd((__m128d)mask));
#else
    unsigned set = 0;
    for (int k = 0; k < width; ++k) set |= (mask[k] != 0 ? 1u : 0u) << k;
    return set;
#endif
}
/// mask_bits(x < y), without the mask itself.
HTMU_INLINE unsigned less_bits(Vec x, Vec y) {
#if defined(__AVX512F__)
    return _mm512_cmp_pd_mask((__m512d)x, (__m512d)y, _CMP_LT_OQ);
#else
    return mask_bits(x < y);
#endif
}
HTMU_INLINE bool any(IntVec mask) {
    return mask_bits(mask) != 0;
}
/// Whether x < y in any element: cheaper than any(x < y) for a branch that is seldom taken.
HTMU_INLINE bool any_less(Vec x, Vec y) {
#if defined(__AVX512F__)
    return _mm512_cmp_pd_mask((__m512d)x, (__m512d)y, _CMP_LT_OQ) != 0;
#else
    return any(x < y);
#endif
}

HTMU_INLINE double sum_of(Vec x) {
    double sum = x[0];
    for (int k = 1; k < width; ++k) sum += x[k];
    return sum;
}
HTMU_INLINE double largest_of(Vec x) {
    double largest = x[0];
    for (int k = 1; k < width; ++k) largest = x[k] > largest ? x[k] : largest;
    return largest;
}

/// from[index[k]].
HTMU_INLINE Vec gather(const double* from, IntVec index) {
#if defined(__AVX512F__)
    return (Vec)_mm512_i64gather_pd((__m512i)index, from, 8);
#elif defined(__AVX2__)
    return (Vec)_mm256_i64gather_pd(from, (__m256i)index, 8);
#else
    Vec x;
    for (int k = 0; k < width; ++k) x[k] = from[index[k]];
    return x;
#endif
}

/// from[index[k]] where the mask is true, otherwise[k] elsewhere, where nothing is read.
HTMU_INLINE Vec gather_where(IntVec mask, const double* from, IntVec index, Vec otherwise) {
#if defined(__AVX512F__)
    return (Vec)_mm512_mask_i64gather_pd((__m512d)otherwise, _mm512_movepi64_mask((__m512i)mask),
                                         (__m512i)index, from, 8);
#elif defined(__AVX2__)
    return (Vec)_mm256_mask_i64gather_pd((__m256d)otherwise, from, (__m256i)index, (__m256d)mask,
                                         8);
#else
    for (int k = 0; k < width; ++k) {
        if (mask[k] != 0) otherwise[k] = from[index[k]];
    }
    return otherwise;
#endif
}

/// to[index[k]] = x[k] where the mask is true.
HTMU_INLINE void scatter_where(IntVec mask, double* to, IntVec index, Vec x) {
#if defined(__AVX512F__)
    _mm512_mask_i64scatter_pd(to, _mm512_movepi64_mask((__m512i)mask), (__m512i)index, (__m512d)x,
                              8);
#else
    for (unsigned set = mask_bits(mask); set != 0; set &= set - 1) {
        const int k = __builtin_ctz(set);
        to[index[k]] = x[k];
    }
#endif
}

/// 1 / x to 0.7 units in the last place for x and 1 / x normal. With AVX-512 it takes half the
/// time of a division: an estimate y to 2^-14 is improved by y (1 + e + e^2 + e^3), e = 1 - x y.
HTMU_INLINE Vec fast_reciprocal(Vec x) {
#if defined(__AVX512F__)
    const Vec y = (Vec)_mm512_rcp14_pd((__m512d)x);
    const Vec e = subtract_product(splat(1.0), x, y);
    return multiply_add(y, multiply_add(multiply_add(e, e, e), e, e), y);
#else
    return 1.0 / x;
#endif
}

/// The root of a normal x to 1 unit in the last place; NaN for 0. With AVX-512, from an estimate y
/// of 1 / sqrt(x) to 2^-14: x y (1 + e / 2 + 3 e^2 / 8 + 5 e^3 / 16), e = 1 - x y^2.
HTMU_INLINE Vec fast_square_root(Vec x) {
#if defined(__AVX512F__)
    const Vec y = (Vec)_mm512_rsqrt14_pd((__m512d)x);
    const Vec root = x * y;
    const Vec e = subtract_product(splat(1.0), root, y);
    const Vec series = multiply_add(multiply_add(splat(0.3125), e, splat(0.375)), e, splat(0.5));
    return multiply_add(root * e, series, root);
#else
    return square_root(x);
#endif
}

/// Exponent e and mantissa m of |x| = m 2^e, 1 <= m < 2, for normal x.
HTMU_INLINE IntVec exponent_of(Vec x) {
    return bits_as<IntVec>((bits_as<WordVec>(x) & ~sign_bit) >> 52) - 1023;
}
HTMU_INLINE Vec mantissa_of(Vec x) {
    return bits_as<Vec>((bits_as<WordVec>(x) & mantissa_bits) | exponent_of_one);
}

/// Integers of magnitude below 2^51 as doubles.
HTMU_INLINE Vec as_doubles(IntVec x) {
#if defined(__AVX512F__)
    return (Vec)_mm512_cvtepi64_pd((__m512i)x);
#else
    const IntVec shifted = x + std::int64_t{0x4338000000000000};
    return bits_as<Vec>(shifted) - 6755399441055744.0;
#endif
}

/// Any 64-bit integers as doubles, correctly rounded.
HTMU_INLINE Vec rounded_doubles(IntVec x) {
#if defined(__AVX512F__)
    return (Vec)_mm512_cvtepi64_pd((__m512i)x);
#else
    // 2^84 + 2^63 + 2^32 high and 2^52 + low, as bits
    const WordVec bits = bits_as<WordVec>(x);
    const Vec high = bits_as<Vec>((bits >> 32) ^ 0x4530000080000000u);
    const Vec low = bits_as<Vec>((bits & 0xFFFFFFFFu) | 0x4330000000000000u);
    return (high - 0x1.00000801p84) + low;  // less 2^84 + 2^63 + 2^52: exact
#endif
}

/// The 64-bit products of the lower 32 bits of each element.
HTMU_INLINE WordVec product_of_low_halves(WordVec x, WordVec y) {
#if defined(__AVX512F__)
    return (WordVec)_mm512_mul_epu32((__m512i)x, (__m512i)y);
#elif defined(__AVX2__)
    return (WordVec)_mm256_mul_epu32((__m256i)x, (__m256i)y);
#elif defined(__SSE2__)
    return (WordVec)_mm_mul_epu32((__m128i)x, (__m128i)y);
#else
    return (x & 0xFFFFFFFFu) * (y & 0xFFFFFFFFu);
#endif
}

/// Widens `width` 32-bit integers.
HTMU_INLINE IntVec load_positions(const std::uint32_t* from) {
#if defined(__AVX512F__)
    return (IntVec)_mm512_cvtepu32_epi64(
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
#elif defined(__AVX2__)
    return (IntVec)_mm256_cvtepu32_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#else
    IntVec x{};
    for (int k = 0; k < width; ++k) x[k] = from[k];
    return x;
#endif
}

/// Appends from[k] for each bit k < width that is set in `mask`, ascending, to a list of `size`;
/// returns its new size. Writes up to 8 elements beyond the size returned.
HTMU_INLINE Index append_selected(std::uint32_t* list, Index size, const std::uint32_t* from,
                                  unsigned mask) {
#if defined(__AVX512F__)
    const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(list + size),
                        _mm256_maskz_compress_epi32(static_cast<__mmask8>(mask), values));
    return size + __builtin_popcount(mask);
#else
    for (int k = 0; k < width; ++k) {
        list[size] = from[k];
        size += (mask >> k) & 1u;
    }
    return size;
#endif
}

/// Appends first + k for each bit k that is set in `mask`, ascending, to a list of `size`; returns
/// its new size. Writes up to 8 elements beyond the size returned.
HTMU_INLINE Index append_positions(std::uint32_t* list, Index size, std::uint32_t first,
                                   unsigned mask) {
#if defined(__AVX512F__)
    const __m256i positions = _mm256_add_epi32(_mm256_set1_epi32(static_cast<int>(first)),
                                               _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(list + size),
                        _mm256_maskz_compress_epi32(static_cast<__mmask8>(mask), positions));
    return size + __builtin_popcount(mask);
#else
    for (int k = 0; k < width; ++k) {
        list[size] = first + static_cast<std::uint32_t>(k);
        size += (mask >> k) & 1u;
    }
    return size;
#endif
}

/// The first `count` elements of memory, or all where it is larger, and 0; no memory beyond them is
/// touched.
HTMU_INLINE Vec load_first(const double* from, Index count) {
    if (count >= width) return load(from);
#if defined(__AVX512F__)
    return (Vec)_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << count) - 1u), from);
#elif defined(__AVX2__)
    return (Vec)_mm256_maskload_pd(from, (__m256i)(lane_numbers() < count));
#else
    Vec x{};
    for (Index k = 0; k < count; ++k) x[k] = from[k];
    return x;
#endif
}
/// Stores the first `count` elements, or all where it is larger.
HTMU_INLINE void store_first(double* to, Vec x, Index count) {
    if (count >= width) {
        store(to, x);
    } else {
#if defined(__AVX512F__)
        _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << count) - 1u), (__m512d)x);
#else
        for (Index k = 0; k < count; ++k) to[k] = x[k];
#endif
    }
}

}  // namespace htmu::HTMU_TARGET
