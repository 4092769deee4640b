#pragma once

// Vectors of doubles for the kernels: included by cpp/src/<area>/kernels/*.cpp only, which are
// compiled once for each instruction set. Everything here lives in the namespace
// htmu::HTMU_TARGET and is inlined, so that no symbol compiled for one set is linked into code for
// another; for the same reason a kernel calls nothing of the standard library but <cmath> functions
// that are not templates.

#include <cstddef>
#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "htmu/common/types.hpp"

#ifndef HTMU_TARGET
#error "vectors.hpp is for the kernels, which are compiled with HTMU_TARGET set"
#endif

#define HTMU_INLINE static inline __attribute__((always_inline))

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

HTMU_INLINE Vec splat(double x) {
    return Vec{} + x;
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
    return multiply_add(a, b, -c);
}
HTMU_INLINE Vec subtract_product(Vec c, Vec a, Vec b) {
    return multiply_add(-a, b, c);
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
#else
    unsigned set = 0;
    for (int k = 0; k < width; ++k) set |= (mask[k] != 0 ? 1u : 0u) << k;
    return set;
#endif
}
HTMU_INLINE bool any(IntVec mask) {
    return mask_bits(mask) != 0;
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

}  // namespace htmu::HTMU_TARGET
