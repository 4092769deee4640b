#pragma once

#include <cstdint>

#include "htmu/common/dispatch.hpp"
#include "htmu/common/lockstep.hpp"
#include "htmu/common/types.hpp"
#include "htmu/random/variates.hpp"

// What the vector kernels of random variates are given: not for use outside cpp/src/random.
//
// A kernel works on a block of at most max_rows rows of up to lockstep_lanes streams. It follows
// the scalar code operation by operation, so that its variates have the same bits, and lists the
// few that it leaves to the scalar code.

namespace htmu {

inline constexpr Index max_rows = 32;
inline constexpr Index max_block = max_rows * lockstep_lanes;

/// Blocks of at most this many lanes may have more rows, up to max_block elements.
inline constexpr Index few_lanes = 3;

[[nodiscard]] inline Index rows_of_block(Index lanes) {
    return lanes > few_lanes ? max_rows : max_block / lanes;
}

/// Element (r, k) of a block, at position r * lockstep_lanes + k, is drawn from
/// Stream(key, first_matrix + r * matrix_step + k * lane_step, entries[r]), k < lanes.
struct StreamRows {
    std::uint32_t key_0, key_1;
    std::uint64_t first_matrix;
    std::uint64_t matrix_step;     ///< 0, or lockstep_lanes where the rows are one run of matrices
    std::uint64_t lane_step;       ///< below 2^32
    const std::uint32_t* entries;  ///< null: entry 0 in every row
    Index n_rows;
    Index lanes;

    [[nodiscard, gnu::always_inline]] std::uint64_t matrix(Index position) const {
        const auto row = static_cast<std::uint64_t>(position / lockstep_lanes);
        const auto lane = static_cast<std::uint64_t>(position % lockstep_lanes);
        return first_matrix + row * matrix_step + lane * lane_step;
    }
    [[nodiscard, gnu::always_inline]] std::uint32_t entry(Index position) const {
        return entries == nullptr ? 0u : entries[position / lockstep_lanes];
    }
};

/// Constants of Gamma laws (see GammaLaw), of which element (r, k) has number
/// r * row_step + k * lane_step. Where lane_step is not 0, they can be read up to a multiple of 8
/// lanes. An offset of 0 stands for the shape 0, in rows of one law only.
struct GammaConstants {
    const double* offset;
    const double* spread;
    const double* boost;
    const double* log_offset;  ///< for logarithms only
    Index row_step;
    Index lane_step;

    [[nodiscard, gnu::always_inline]] Index law(Index position) const {
        return position / lockstep_lanes * row_step + position % lockstep_lanes * lane_step;
    }
};

/// Working memory of gamma_rows; the lists are written 8 elements beyond their ends.
struct GammaScratch {
    alignas(64) double root[max_block];
    alignas(64) double normal[max_block];
    alignas(64) double uniform[max_block];
    std::uint32_t undecided[max_block + 8];
    std::uint32_t rejected[max_block + 8];
    std::uint32_t edges[max_block + 8];
    std::uint32_t again[max_block + 8];
};

/// Positions left to the scalar code.
struct Remainder {
    std::uint32_t position[max_block + 8];
    Index size = 0;
};

/// out[position] = scale * normal variate.
HTMU_DECLARE_KERNEL(void, normal_rows,
                    (const StreamRows& rows, double scale, double* out, Remainder& remainder))

/// out[position] = exponential variate.
HTMU_DECLARE_KERNEL(void, exponential_rows,
                    (const StreamRows& rows, double* out, Remainder& remainder))

/// out[position] = scale * form of a Gamma variate; to a logarithm, `scale` is added.
HTMU_DECLARE_KERNEL(void, gamma_rows,
                    (const StreamRows& rows, const GammaConstants& laws, GammaForm form,
                     double scale, GammaScratch& scratch, double* out, Remainder& remainder))

/// These kernels and then the scalar code for what they leave; `scale` is positive.
void draw_normal_rows(const StreamRows& rows, double scale, double* out);
void draw_exponential_rows(const StreamRows& rows, double* out);
void draw_gamma_rows(const StreamRows& rows, const GammaConstants& laws, GammaForm form,
                     double scale, double* out);

/// The constants of laws of shapes factor * shapes[i] > 0, i < n; the arrays have room for a
/// multiple of 8. log_offset may be null.
HTMU_DECLARE_KERNEL(void, gamma_constants,
                    (const double* shapes, Index n, double factor, double* offset, double* spread,
                     double* boost, double* log_offset))

}  // namespace htmu
