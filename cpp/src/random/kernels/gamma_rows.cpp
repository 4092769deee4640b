// Gamma variates of a block of streams, as GammaLaw draws them. Passes over the block:
//   1. the first attempt of every stream: a normal from the ziggurat's common case, and the
//      squeeze, which accepts about 90%;
//   2. the exact acceptance test of those that the squeeze leaves undecided (two logarithms each);
//   3. the form wanted from every root, with the exponential of shapes below 1;
//   4. a second attempt of those rejected, and the first of those at the edge of a layer of the
//      ziggurat, gathered from the whole block.
// What then remains, below 0.5%, is left to the scalar code.

#include "stream_vectors.hpp"

namespace htmu::HTMU_TARGET {
namespace {

/// A uniform of this value marks a stream whose normal has not been drawn: no test accepts it.
inline constexpr double not_drawn = 2.0;

/// Attempt at a variate: root = 1 + spread * normal.
struct Attempt {
    Vec root, normal, uniform;
};
HTMU_INLINE Attempt attempt_from(WordVec first, WordVec second, Vec spread) {
    const NormalAttempt normal = normal_attempt(first);
    return {1.0 + spread * normal.value, normal.value,
            absolute(normal.value) < normal.bound ? uniform_of(second) : splat(not_drawn)};
}

/// The squeeze. It accepts |normal| < 2.35 only, so that the root is positive: spread <= 0.41.
HTMU_INLINE unsigned squeezed(const Attempt& attempt) {
    const Vec square = attempt.normal * attempt.normal;
    return less_bits(attempt.uniform, 1.0 - 0.0331 * square * square);
}
/// The exact test, of attempts with uniform < 1.
HTMU_INLINE unsigned accepted_exactly(const Attempt& attempt, Vec offset) {
    const Vec root = attempt.root;
    const Vec square = attempt.normal * attempt.normal;
    const Vec cube = root * root * root;
    const Vec bound = 0.5 * square + offset * (1.0 - cube + 3.0 * log_of(root));
    return less_bits(log_of(attempt.uniform), bound) & less_bits(splat(0.0), root);
}

/// The form wanted of offset * root^3 exp(log(uniform) * boost), by the logarithm of the uniform;
/// it is used where `boosted`. A boost of 0 changes nothing.
template <GammaForm form>
HTMU_INLINE Vec form_of(Vec root, Vec offset_or_log, Vec boost, Vec log_uniform, bool boosted,
                        double scale) {
    if constexpr (form == GammaForm::logarithm) {
        const Vec value = offset_or_log + 3.0 * log_of(root);
        return (boosted ? value + log_uniform * boost : value) + scale;
    } else {
        Vec value = offset_or_log * root * root * root;
        if constexpr (form == GammaForm::square_root) {
            value = square_root(value);
            if (boosted) value = value * exp_of(0.5 * log_uniform * boost);
        } else {
            if (boosted) value = value * exp_of(log_uniform * boost);
        }
        return scale * value;
    }
}

/// Everything that the passes share.
struct Block {
    const StreamRows rows;
    const GammaConstants laws;
    const double scale;
    KeySchedule keys;
    GammaScratch& scratch;
    double* const out;
    Remainder& remainder;
    Index n_undecided, n_rejected, n_edges, n_left;
};

/// One of the constants in the lanes from (row, lane) on.
HTMU_INLINE Vec constants_at(const double* constants, const GammaConstants& laws, Index row,
                             Index lane) {
    const double* from = constants + (row * laws.row_step + lane * laws.lane_step);
    return laws.lane_step == 0 ? splat(*from) : load(from);
}
/// Numbers of the laws at any positions.
HTMU_INLINE IntVec laws_at(const GammaConstants& laws, const std::uint32_t* position) {
    const WordVec positions = bits_as<WordVec>(load_positions(position));
    return bits_as<IntVec>(
        product_of_low_halves(positions >> 5,
                              word_splat(static_cast<std::uint64_t>(laws.row_step))) +
        product_of_low_halves(positions & 31u,
                              word_splat(static_cast<std::uint64_t>(laws.lane_step))));
}

/// Whether a row is of the law concentrated at 0.
HTMU_INLINE bool is_zero(const Block& block, Index row) {
    return block.laws.offset[row * block.laws.row_step] == 0.0;
}
template <GammaForm form>
HTMU_INLINE void fill_zeros(const Block& block, Index row) {
    for (Index k = 0; k < block.rows.lanes; ++k) {
        block.out[row * lockstep_lanes + k] = form == GammaForm::logarithm ? -__builtin_inf() : 0.0;
    }
}

/// Pass 1.
void first_attempts(Block& block) {
    GammaScratch& scratch = block.scratch;
    const StreamRows rows = block.rows;
    const GammaConstants laws = block.laws;
    const Index lanes = rows.lanes;
    Index n_undecided = 0;
    for (Index row = 0; row < rows.n_rows; ++row) {
        if (is_zero(block, row)) continue;
        const RowStart start = start_of(rows, row);
        if (!start.one_high_half) {
            block.n_left = append_row(block.remainder.position, block.n_left, row, lanes);
            continue;
        }
        for_each_group(lanes, [&](Index lane, auto count) __attribute__((always_inline)) {
            const auto words = words_at<count.value>(block.keys, start, 0, lane);
#pragma GCC unroll 4
            for (int v = 0; v < count.value; ++v, lane += width) {
                const Index position = row * lockstep_lanes + lane;
                const Attempt attempt = attempt_from(words.first[v], words.second[v],
                                                     constants_at(laws.spread, laws, row, lane));
                store(scratch.root + position, attempt.root);
                store(scratch.normal + position, attempt.normal);
                store(scratch.uniform + position, attempt.uniform);
                n_undecided = append_positions(scratch.undecided, n_undecided,
                                               static_cast<std::uint32_t>(position),
                                               ~squeezed(attempt) & bits_below(lanes, lane));
            }
        });
    }
    block.n_undecided = n_undecided;
}

/// Pass 2.
void exact_tests(Block& block) {
    GammaScratch& scratch = block.scratch;
    const Index size = block.n_undecided;
    if (size == 0) return;
    pad(scratch.undecided, size);
    for (Index i = 0; i < size; i += width) {
        const std::uint32_t* position = scratch.undecided + i;
        const IntVec positions = load_positions(position);
        const Attempt attempt{gather(scratch.root, positions), gather(scratch.normal, positions),
                              gather(scratch.uniform, positions)};
        const Vec offset = gather(block.laws.offset, laws_at(block.laws, position));
        const unsigned present = bits_below(size, i);
        const unsigned drawn = less_bits(attempt.uniform, splat(1.0));
        const unsigned accepted = accepted_exactly(attempt, offset);
        block.n_rejected = append_selected(scratch.rejected, block.n_rejected, position,
                                           present & drawn & ~accepted);
        block.n_edges = append_selected(scratch.edges, block.n_edges, position, present & ~drawn);
    }
}

/// Pass 3.
template <GammaForm form>
void forms_of_roots(Block& block) {
    const StreamRows rows = block.rows;
    const GammaConstants laws = block.laws;
    const Index lanes = rows.lanes;
    const double* offset_or_log = form == GammaForm::logarithm ? laws.log_offset : laws.offset;
    for (Index row = 0; row < rows.n_rows; ++row) {
        if (is_zero(block, row)) {
            fill_zeros<form>(block, row);
            continue;
        }
        const RowStart start = start_of(rows, row);
        if (!start.one_high_half) continue;
        for_each_group(lanes, [&](Index lane, auto count) __attribute__((always_inline)) {
            const Index begin = row * lockstep_lanes + lane;
            IntVec boosts{};
#pragma GCC unroll 4
            for (int v = 0; v < count.value; ++v) {
                boosts |= constants_at(laws.boost, laws, row, lane + v * width) > 0.0;
            }
            const bool boosted = any(boosts);
            Vec log_uniform[count.value] = {};
            if (boosted) {
                const auto words = words_at<count.value>(block.keys, start, 1, lane);
#pragma GCC unroll 4
                for (int v = 0; v < count.value; ++v) {
                    log_uniform[v] = log_of(uniform_of(words.first[v]));
                }
            }
#pragma GCC unroll 4
            for (int v = 0; v < count.value; ++v) {
                const Index at = lane + v * width;
                const Vec value = form_of<form>(load(block.scratch.root + begin + v * width),
                                                constants_at(offset_or_log, laws, row, at),
                                                constants_at(laws.boost, laws, row, at),
                                                log_uniform[v], boosted, block.scale);
                store_first(block.out + begin + v * width, value, lanes - at);
            }
        });
    }
}

/// Pass 4: where the normal of an attempt lies.
enum class Part {
    common,  ///< in the ziggurat's common case, with the uniform in the same block
    edge,    ///< at an edge of a layer, which takes the next word; the uniform comes after
};

/// Attempts of the streams listed, from their block `number` on. Of those not accepted, those that
/// go on with the first word of the next block are appended to scratch.rejected, and the others to
/// scratch.edges (common) or to the remainder (edge).
template <GammaForm form, Part part>
void attempts(Block& block, std::uint32_t* list, Index size, std::uint32_t number) {
    GammaScratch& scratch = block.scratch;
    const GammaConstants& laws = block.laws;
    if (size == 0) return;
    pad(list, size);
    for (Index i = 0; i < size; i += width) {
        const std::uint32_t* position = list + i;
        const StreamVector streams = streams_at(block.rows, position);
        const IntVec law = laws_at(laws, position);
        const Vec offset = gather(laws.offset, law);
        const Vec boost = gather(laws.boost, law);
        const bool boosted = any(boost > 0.0);
        const auto words = words_of(block.keys, number, streams);
        Attempt attempt = attempt_from(words.first[0], words.second[0], gather(laws.spread, law));
        WordVec boost_word{};
        unsigned goes_on = less_bits(attempt.uniform, splat(1.0));
        if (part == Part::edge || boosted) {
            const auto next = words_of(block.keys, number + 1, streams);
            boost_word = part == Part::edge ? next.second[0] : next.first[0];
            if constexpr (part == Part::edge) {
                const EdgeTest edge =
                    edge_test(words.first[0], attempt.normal, uniform_of(words.second[0]));
                attempt.uniform = edge.is_inside ? uniform_of(next.first[0]) : splat(not_drawn);
                goes_on = mask_bits(edge.is_edge & ~edge.is_inside);
            }
        }
        const unsigned present = bits_below(size, i);
        const unsigned drawn = less_bits(attempt.uniform, splat(1.0));
        const unsigned accepted = drawn & (squeezed(attempt) | accepted_exactly(attempt, offset));
        const Vec offset_or_log =
            form == GammaForm::logarithm ? gather(laws.log_offset, law) : offset;
        const Vec value = form_of<form>(attempt.root, offset_or_log, boost,
                                        log_of(uniform_of(boost_word)), boosted, block.scale);
        scatter(block.out, position, value, accepted & present);
        const unsigned failed = present & ~accepted;
        block.n_rejected =
            append_selected(scratch.rejected, block.n_rejected, position, failed & goes_on);
        if constexpr (part == Part::edge) {
            block.n_left = append_selected(block.remainder.position, block.n_left, position,
                                           failed & ~goes_on);
        } else {
            block.n_edges =
                append_selected(scratch.edges, block.n_edges, position, failed & ~goes_on);
        }
    }
}

HTMU_INLINE void leave(Block& block, const std::uint32_t* list, Index size) {
    for (Index i = 0; i < size; ++i) block.remainder.position[block.n_left++] = list[i];
}

template <GammaForm form>
HTMU_INLINE void draw(Block& block) {
    GammaScratch& scratch = block.scratch;
    const StreamRows& rows = block.rows;
    if (rows.lanes > few_lanes) {
        first_attempts(block);
        exact_tests(block);
        forms_of_roots<form>(block);
    } else {
        // Vectors of streams of different rows
        for (Index row = 0; row < rows.n_rows; ++row) {
            if (is_zero(block, row)) {
                fill_zeros<form>(block, row);
            } else {
                block.n_undecided =
                    append_row(scratch.undecided, block.n_undecided, row, rows.lanes);
            }
        }
        attempts<form, Part::common>(block, scratch.undecided, block.n_undecided, 0);
    }
    attempts<form, Part::edge>(block, scratch.edges, block.n_edges, 0);
    const Index n_again = block.n_rejected;
    for (Index i = 0; i < n_again; ++i) scratch.again[i] = scratch.rejected[i];
    block.n_rejected = block.n_edges = 0;
    attempts<form, Part::common>(block, scratch.again, n_again, 1);
    leave(block, scratch.rejected, block.n_rejected);
    leave(block, scratch.edges, block.n_edges);
}

}  // namespace

void gamma_rows(const StreamRows& rows, const GammaConstants& laws, GammaForm form, double scale,
                GammaScratch& scratch, double* out, Remainder& remainder) {
    Block block{rows, laws, scale, {}, scratch, out, remainder, 0, 0, 0, 0};
    set_keys(block.keys, rows);
    switch (form) {
        case GammaForm::square_root:
            draw<GammaForm::square_root>(block);
            break;
        case GammaForm::logarithm:
            draw<GammaForm::logarithm>(block);
            break;
        case GammaForm::value:
            draw<GammaForm::value>(block);
            break;
    }
    remainder.size = block.n_left;
}

}  // namespace htmu::HTMU_TARGET
