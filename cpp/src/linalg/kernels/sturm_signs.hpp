#pragma once

// Counting sign changes along a recurrence, for groups of 8 points: each step leaves one byte a
// group, bit k being the sign of point k, and the bytes are added up later, 8 steps at a time. This
// costs one instruction on the vector ports a step and vector, where shifting signs into a register
// costs two or three.

#include "htmu/common/vectors.hpp"

#if defined(__SSE2__) && !defined(__AVX2__)
#include <emmintrin.h>
#endif

#if defined(__clang__)
#define HTMU_UNROLL _Pragma("unroll")
#else
#define HTMU_UNROLL _Pragma("GCC unroll 16")
#endif

namespace htmu::HTMU_TARGET {

inline constexpr int group_size = 8;
inline constexpr int group_parts = group_size / width;

/// Bit k is the sign bit of x[k].
HTMU_INLINE unsigned sign_bits(Vec x) {
#if defined(__AVX512F__)
    return _mm512_movepi64_mask((__m512i)x);
#elif defined(__AVX2__)
    return static_cast<unsigned>(_mm256_movemask_pd((__m256d)x));
#elif defined(__SSE2__)
    return static_cast<unsigned>(_mm_movemask_pd((__m128d)x));
#else
    unsigned set = 0;
    for (int k = 0; k < width; ++k) {
        set |= static_cast<unsigned>(bits_as<WordVec>(x)[k] >> 63) << k;
    }
    return set;
#endif
}

HTMU_INLINE void store_signs(unsigned char* to, const Vec* group) {
#if defined(__AVX512F__)
    // From the mask register straight to memory: the way through a general register would take a
    // second slot of the vector ports.
    _store_mask8(to, _mm512_movepi64_mask((__m512i)group[0]));
#else
    unsigned signs = 0;
    HTMU_UNROLL
    for (int part = 0; part < group_parts; ++part) {
        signs |= sign_bits(group[part]) << (part * width);
    }
    *to = static_cast<unsigned char>(signs);
#endif
}

/// Steps whose sign bytes are kept before they are added up. A byte field of the sums below counts
/// every eighth step, so that it holds up to 2040 of them.
inline constexpr Index sign_steps = 512;

/// The sign bytes of one group, after the byte of the step before.
struct SignBytes {
    unsigned char previous[8];
    unsigned char bytes[sign_steps + 8];
};

/// Adds the number of sign changes in `steps` <= sign_steps bytes to `changes`, and makes the last
/// byte the previous one. Writes 7 bytes beyond the steps.
HTMU_INLINE void add_sign_changes(SignBytes& signs, Index steps, IntVec* changes) {
    const unsigned char last = signs.bytes[steps - 1];
    for (int i = 0; i < 7; ++i) signs.bytes[steps + i] = last;
    constexpr std::uint64_t ones = 0x0101010101010101u, even_bytes = 0x00FF00FF00FF00FFu;
    WordVec sums[group_parts] = {};
    for (Index i = 0; i < steps; i += 8) {
        std::uint64_t now, before;
        __builtin_memcpy(&now, signs.bytes + i, 8);
        __builtin_memcpy(&before, signs.bytes + i - 1, 8);
        HTMU_UNROLL
        for (int part = 0; part < group_parts; ++part) {
            const WordVec shift = bits_as<WordVec>(lane_numbers() + std::int64_t{part} * width);
            sums[part] += ((splat(now) ^ splat(before)) >> shift) & ones;
        }
    }
    HTMU_UNROLL
    for (int part = 0; part < group_parts; ++part) {
        const WordVec pairs = (sums[part] & even_bytes) + ((sums[part] >> 8) & even_bytes);
        const WordVec fours = pairs + (pairs >> 16);
        changes[part] += bits_as<IntVec>((fours + (fours >> 32)) & 0xFFFFu);
    }
    signs.previous[7] = last;
}

}  // namespace htmu::HTMU_TARGET
