// Normal and exponential variates of a block of streams.

#include "stream_vectors.hpp"

namespace htmu::HTMU_TARGET {
namespace {

/// Everything that the passes share; the lists have room for what is written beyond their ends.
struct Block {
    StreamRows rows;
    double scale;
    double* out;
    Remainder* remainder;
    Index n_left;
    KeySchedule keys;
    std::uint32_t all[max_block + 8], edges[max_block + 8], again[max_block + 8];
};

/// Attempts of the streams listed from the first word of their block `number`; appends those that
/// are not in the ziggurat's common case to a list, and returns its size.
HTMU_INLINE Index attempts(Block& block, std::uint32_t* list, Index size, std::uint32_t number,
                           std::uint32_t* failed, Index n_failed) {
    if (size == 0) return n_failed;
    pad(list, size);
    for (Index i = 0; i < size; i += width) {
        const auto words = words_of(block.keys, number, streams_at(block.rows, list + i));
        const NormalAttempt normal = normal_attempt(words.first[0]);
        const unsigned accepted = less_bits(absolute(normal.value), normal.bound);
        const unsigned present = bits_below(size, i);
        scatter(block.out, list + i, block.scale * normal.value, accepted & present);
        n_failed = append_selected(failed, n_failed, list + i, ~accepted & present);
    }
    return n_failed;
}

/// Those at the edges of the ziggurat's layers; returns the number of those in `again`, which go on
/// with their second block.
HTMU_INLINE Index edge_tests(Block& block, Index n_edges) {
    Index n_again = 0;
    if (n_edges == 0) return n_again;
    pad(block.edges, n_edges);
    for (Index i = 0; i < n_edges; i += width) {
        const std::uint32_t* position = block.edges + i;
        const auto words = words_of(block.keys, 0, streams_at(block.rows, position));
        const Vec normal = normal_attempt(words.first[0]).value;
        const EdgeTest edge = edge_test(words.first[0], normal, uniform_of(words.second[0]));
        const unsigned accepted = mask_bits(edge.is_inside);
        const unsigned goes_on = mask_bits(edge.is_edge) & ~accepted;
        const unsigned present = bits_below(n_edges, i);
        scatter(block.out, position, block.scale * normal, accepted & present);
        n_again = append_selected(block.again, n_again, position, goes_on & present);
        block.n_left = append_selected(block.remainder->position, block.n_left, position,
                                       ~(accepted | goes_on) & present);
    }
    return n_again;
}

}  // namespace

void normal_rows(const StreamRows& rows, double scale, double* out, Remainder& remainder) {
    Block block;  // not cleared: 12 KiB
    block.rows = rows;
    block.scale = scale;
    block.out = out;
    block.remainder = &remainder;
    block.n_left = 0;
    set_keys(block.keys, rows);
    const Index lanes = rows.lanes;
    Index n_all = 0, n_edges = 0;
    for (Index row = 0; row < rows.n_rows; ++row) {
        if (lanes <= few_lanes) {
            n_all = append_row(block.all, n_all, row, lanes);
            continue;
        }
        const RowStart start = start_of(rows, row);
        if (!start.one_high_half) {
            block.n_left = append_row(remainder.position, block.n_left, row, lanes);
            continue;
        }
        for_each_group(lanes, [&](Index lane, auto count) __attribute__((always_inline)) {
            const auto words = words_at<count.value>(block.keys, start, 0, lane);
#pragma GCC unroll 4
            for (int v = 0; v < count.value; ++v, lane += width) {
                const Index position = row * lockstep_lanes + lane;
                const NormalAttempt normal = normal_attempt(words.first[v]);
                const unsigned accepted = less_bits(absolute(normal.value), normal.bound);
                store_first(out + position, scale * normal.value, lanes - lane);
                n_edges =
                    append_positions(block.edges, n_edges, static_cast<std::uint32_t>(position),
                                     ~accepted & bits_below(lanes, lane));
            }
        });
    }
    n_edges = attempts(block, block.all, n_all, 0, block.edges, n_edges);
    const Index n_again = edge_tests(block, n_edges);
    remainder.size = attempts(block, block.again, n_again, 1, remainder.position, block.n_left);
}

void exponential_rows(const StreamRows& rows, double* out, Remainder& remainder) {
    KeySchedule keys;
    set_keys(keys, rows);
    const Index lanes = rows.lanes;
    Index n_left = 0;
    for (Index row = 0; row < rows.n_rows; ++row) {
        const RowStart start = start_of(rows, row);
        if (!start.one_high_half) {
            n_left = append_row(remainder.position, n_left, row, lanes);
            continue;
        }
        for_each_group(lanes, [&](Index lane, auto count) __attribute__((always_inline)) {
            const auto words = words_at<count.value>(keys, start, 0, lane);
#pragma GCC unroll 4
            for (int v = 0; v < count.value; ++v, lane += width) {
                store_first(out + row * lockstep_lanes + lane, -log_of(uniform_of(words.first[v])),
                            lanes - lane);
            }
        });
    }
    remainder.size = n_left;
}

}  // namespace htmu::HTMU_TARGET
