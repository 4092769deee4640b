#pragma once

// Random words of `width` streams at a time, and what the scalar code makes of them.

#include "htmu/common/vectors.hpp"
#include "htmu/random/elementary.hpp"
#include "htmu/random/variate_rows.hpp"
#include "htmu/random/ziggurat.hpp"

namespace htmu::HTMU_TARGET {

inline constexpr std::uint64_t philox_multiplier_0 = 0xD2511F53u;
inline constexpr std::uint64_t philox_multiplier_1 = 0xCD9E8D57u;
inline constexpr std::uint32_t philox_weyl_0 = 0x9E3779B9u;
inline constexpr std::uint32_t philox_weyl_1 = 0xBB67AE85u;

/// Vectors whose dependency chains are interleaved, as one chain alone would wait for the latency
/// of its multiplications; 32 lanes are a multiple.
inline constexpr int group = width == 8 ? 4 : 2;

HTMU_INLINE WordVec word_splat(std::uint64_t word) {
    return WordVec{} + word;
}

/// The keys of the ten rounds; those of the last in the upper half.
struct KeySchedule {
    std::uint32_t key_0, key_1;
    WordVec round_0[10], round_1[10];
};
HTMU_INLINE void set_keys(KeySchedule& keys, const StreamRows& rows) {
    keys.key_0 = rows.key_0;
    keys.key_1 = rows.key_1;
    std::uint32_t key_0 = rows.key_0, key_1 = rows.key_1;
    for (int round = 0; round < 10; ++round) {
        const int shift = round == 9 ? 32 : 0;
        keys.round_0[round] = word_splat(std::uint64_t{key_0} << shift);
        keys.round_1[round] = word_splat(std::uint64_t{key_1} << shift);
        key_0 += philox_weyl_0;
        key_1 += philox_weyl_1;
    }
}

/// Counters of Philox4x32-10 for n vectors of streams; the upper halves of elements are rubbish.
template <int n>
struct Counters {
    WordVec word_0[n], word_1[n], word_2[n], word_3[n];
};

/// The two 64-bit words of a Philox block, as Stream::next gives them.
template <int n>
struct WordPairs {
    WordVec first[n], second[n];
};

/// The rounds from `first_round` on (see philox.hpp).
template <int first_round, int n>
HTMU_INLINE WordPairs<n> philox_rounds(Counters<n> c, const KeySchedule& keys) {
    const WordVec multiplier_0 = word_splat(philox_multiplier_0);
    const WordVec multiplier_1 = word_splat(philox_multiplier_1);
    WordVec product_0[n], product_1[n];
#pragma GCC unroll 10
    for (int round = first_round; round < 9; ++round) {
#pragma GCC unroll 4
        for (int v = 0; v < n; ++v) {
            product_0[v] = product_of_low_halves(c.word_0[v], multiplier_0);
            product_1[v] = product_of_low_halves(c.word_2[v], multiplier_1);
        }
#pragma GCC unroll 4
        for (int v = 0; v < n; ++v) {
            c.word_0[v] = (product_1[v] >> 32) ^ c.word_1[v] ^ keys.round_0[round];
            c.word_1[v] = product_1[v];
            c.word_2[v] = (product_0[v] >> 32) ^ c.word_3[v] ^ keys.round_1[round];
            c.word_3[v] = product_0[v];
        }
    }
    // The last round leaves both halves of each product where the words want them.
    WordPairs<n> words;
#pragma GCC unroll 4
    for (int v = 0; v < n; ++v) {
        product_0[v] = product_of_low_halves(c.word_0[v], multiplier_0);
        product_1[v] = product_of_low_halves(c.word_2[v], multiplier_1);
        words.first[v] = product_1[v] ^ (c.word_1[v] << 32) ^ keys.round_0[9];
        words.second[v] = product_0[v] ^ (c.word_3[v] << 32) ^ keys.round_1[9];
    }
    return words;
}

/// Streams at any positions of a block.
struct StreamVector {
    WordVec matrix, entry;
};
HTMU_INLINE StreamVector streams_at(const StreamRows& rows, const std::uint32_t* position) {
    static_assert(lockstep_lanes == 32);
    const WordVec positions = bits_as<WordVec>(load_positions(position));
    const WordVec step = product_of_low_halves(positions >> 5, word_splat(rows.matrix_step));
    const WordVec lane = product_of_low_halves(positions & 31u, word_splat(rows.lane_step));
    StreamVector streams{step + lane + word_splat(rows.first_matrix), WordVec{}};
    if (rows.entries != nullptr) {
        for (int k = 0; k < width; ++k) streams.entry[k] = rows.entry(position[k]);
    }
    return streams;
}

/// Block `block` of these streams.
HTMU_INLINE WordPairs<1> words_of(const KeySchedule& keys, std::uint32_t block,
                                  const StreamVector& streams) {
    return philox_rounds<0>(
        Counters<1>{{word_splat(block)}, {streams.entry}, {streams.matrix}, {streams.matrix >> 32}},
        keys);
}

/// Where the streams of one row begin.
struct RowStart {
    std::uint32_t low, high, entry;
    std::uint64_t step;  ///< from lane to lane
    bool one_high_half;  ///< the matrices of all lanes have the same upper half
};
HTMU_INLINE RowStart start_of(const StreamRows& rows, Index row) {
    const Index position = row * lockstep_lanes;
    const std::uint64_t first = rows.matrix(position);
    const std::uint64_t last = first + (lockstep_lanes - 1) * rows.lane_step;
    return {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(first >> 32),
            rows.entry(position), rows.lane_step, first >> 32 == last >> 32};
}

/// Block `block` of the streams of n * width lanes from `lane` on, whose matrices have one upper
/// half: as block and entry are common to them, most of the first two rounds is scalar.
template <int n>
HTMU_INLINE WordPairs<n> words_at(const KeySchedule& keys, const RowStart& start,
                                  std::uint32_t block, Index lane) {
    const std::uint32_t key_0 = keys.key_0, key_1 = keys.key_1;
    const std::uint64_t product_0 = philox_multiplier_0 * block;
    const std::uint32_t word_2 = static_cast<std::uint32_t>(product_0 >> 32) ^ start.high ^ key_1;
    const auto word_3 = static_cast<std::uint32_t>(product_0);
    const std::uint64_t next_1 = philox_multiplier_1 * word_2;
    const WordVec next_word_0 = word_splat((next_1 >> 32) ^ (key_0 + philox_weyl_0));
    const WordVec next_word_2 = word_splat(word_3 ^ (key_1 + philox_weyl_1));
    Counters<n> c;
#pragma GCC unroll 4
    for (int v = 0; v < n; ++v) {
        const WordVec lanes =
            bits_as<WordVec>(lane_numbers()) + static_cast<std::uint64_t>(lane + v * width);
        const WordVec low =
            product_of_low_halves(lanes, word_splat(start.step)) + std::uint64_t{start.low};
        const WordVec product_1 = product_of_low_halves(low, word_splat(philox_multiplier_1));
        const WordVec word_0 = (product_1 >> 32) ^ word_splat(start.entry ^ key_0);
        const WordVec next_0 = product_of_low_halves(word_0, word_splat(philox_multiplier_0));
        c.word_0[v] = product_1 ^ next_word_0;
        c.word_1[v] = word_splat(next_1);
        c.word_2[v] = (next_0 >> 32) ^ next_word_2;
        c.word_3[v] = next_0;
    }
    return philox_rounds<2>(c, keys);
}

HTMU_INLINE Vec log_of(Vec x) {
    return portable_log<Vec, WordVec>(x);
}
HTMU_INLINE Vec exp_of(Vec x) {
    return portable_exp<Vec, WordVec>(x);
}

/// As Stream::uniform.
HTMU_INLINE Vec uniform_of(WordVec word) {
    return bits_as<Vec>((word >> 12) | exponent_of_one) - (1.0 - 0x1p-53);
}

/// The first attempt of normal_variate: `value` is returned where |value| < `bound`.
struct NormalAttempt {
    Vec value, bound;
};
HTMU_INLINE NormalAttempt normal_attempt(WordVec word) {
    const IntVec layer = bits_as<IntVec>(word & 255u);
    const Vec fraction = rounded_doubles(bits_as<IntVec>(word & ~std::uint64_t{2047})) * 0x1p-63;
    return {fraction * gather(ziggurat_edge, layer), gather(ziggurat_edge + 1, layer)};
}

/// Where |value| >= bound: whether normal_variate takes the next uniform for the edge of a layer,
/// and then whether it returns the value after all. If not, it goes on with the word after.
struct EdgeTest {
    IntVec is_edge, is_inside;
};
HTMU_INLINE EdgeTest edge_test(WordVec word, Vec value, Vec uniform) {
    const IntVec layer = bits_as<IntVec>(word & 255u);
    const Vec lower = gather(ziggurat_height, layer);
    const Vec upper = gather(ziggurat_height + 1, layer);
    const IntVec is_edge = layer != 0;
    return {is_edge, is_edge & (lower + uniform * (upper - lower) < exp_of(-0.5 * value * value))};
}

/// The bits of the `width` lanes from `lane` on that lie below `lanes`.
HTMU_INLINE unsigned bits_below(Index lanes, Index lane) {
    return lanes - lane >= width ? (1u << width) - 1u : (1u << (lanes - lane)) - 1u;
}

/// Calls body(lane, n) for lane = 0, n * width, .. below `lanes`, where the number n of vectors, a
/// constant, is `group`, or 1 for the rest.
template <int n>
struct Count {
    static constexpr int value = n;
};
template <class Body>
HTMU_INLINE void for_each_group(Index lanes, const Body& body) {
    Index lane = 0;
    for (; lane + (group - 1) * width < lanes; lane += group * width) body(lane, Count<group>{});
    for (; lane < lanes; lane += width) body(lane, Count<1>{});
}

/// Fills up a list of `size` to a multiple of the width, with a position already in it.
HTMU_INLINE void pad(std::uint32_t* list, Index size) {
    for (int k = 0; k < width; ++k) list[size + k] = list[0];
}

/// out[position[k]] = value[k] for each bit k that is set.
HTMU_INLINE void scatter(double* out, const std::uint32_t* position, Vec value, unsigned mask) {
    double values[width];
    store(values, value);
    for (int k = 0; k < width; ++k) {
        if ((mask >> k & 1u) != 0) out[position[k]] = values[k];
    }
}

/// Appends the positions of a whole row to a list of `size`; returns its new size.
HTMU_INLINE Index append_row(std::uint32_t* list, Index size, Index row, Index lanes) {
    for (Index k = 0; k < lanes; ++k) {
        list[size++] = static_cast<std::uint32_t>(row * lockstep_lanes + k);
    }
    return size;
}

}  // namespace htmu::HTMU_TARGET
