// Scaling of matrices in lockstep by exact powers of 2 to norm 1, and back; orientation.

#include "htmu/common/lockstep.hpp"
#include "htmu/common/vectors.hpp"

namespace htmu::HTMU_TARGET {
namespace {

constexpr Index row_length = lockstep_lanes;
/// Off-diagonals up to this part of the norm, half the unit roundoff, count as zero.
constexpr double negligible = 0x1p-54;

HTMU_INLINE Vec power_of_two(IntVec exponent) {
    return bits_as<Vec>((exponent + 1023) << 52);
}

/// Scales by 2^-k, k the exponent of the norm, in two steps, as 2^-k may lie outside the range.
struct Factors {
    Vec down[2], up[2];
};
HTMU_INLINE Factors factors_for(Vec norm) {
    const IntVec small = norm < 0x1p-900;
    const IntVec exponent =
        exponent_of(small ? norm * 0x1p200 : norm) - (small & std::int64_t{200});
    // floor(k / 2) by a logical shift: AVX2 has no arithmetic one of 64 bits.
    const IntVec half = bits_as<IntVec>(bits_as<WordVec>(exponent + 4096) >> 1) - 2048;
    const IntVec rest = exponent - half;
    return {{power_of_two(-half), power_of_two(-rest)}, {power_of_two(half), power_of_two(rest)}};
}

HTMU_INLINE void turn(Index rows, double* values, IntVec lanes) {
    for (Index i = 0, j = rows - 1; i < j; ++i, --j) {
        const Vec x = load(values + i * row_length);
        const Vec y = load(values + j * row_length);
        store(values + i * row_length, lanes ? y : x);
        store(values + j * row_length, lanes ? x : y);
    }
}

/// Turns matrices upside down that grow downwards. QR takes eigenvalues off at the bottom, where it
/// finds the small ones of a graded matrix at once; it needs up to 30% more sweeps the other way.
/// The halves are compared, as single entries are often misleading in random matrices.
HTMU_INLINE void keep_small_end_below(Index n, double* diagonal, double* squared) {
    Vec upper{}, lower{};
    for (Index i = 0; i < n / 2; ++i) {
        upper += absolute(load(diagonal + i * row_length));
        lower += absolute(load(diagonal + (n - 1 - i) * row_length));
    }
    const IntVec growing = upper < lower;
    if (any(growing)) {
        turn(n, diagonal, growing);
        turn(n - 1, squared, growing);
    }
}

HTMU_INLINE void store_scales(double* scales, IntVec valid, Vec norm, const Factors& factors) {
    store(scales, valid ? factors.up[0] : splat(__builtin_nan("")));
    store(scales + row_length, factors.up[1]);
    const Vec tolerance = negligible * (norm * factors.down[0] * factors.down[1]);
    store(scales + 2 * row_length, tolerance * tolerance);
}

HTMU_INLINE IntVec among_first(Index lanes, Index first) {
    return lane_numbers() + std::int64_t{first} < std::int64_t{lanes};
}

template <bool squared>
HTMU_INLINE void scale(Index n, Index lanes, double* diagonal, double* off_diagonal,
                       double* scales) {
    for (Index first = 0; first < lanes; first += width) {
        double* d = diagonal + first;
        double* e = off_diagonal + first;
        Vec largest{}, largest_off{}, invalid{};
        for (Index i = 0; i < n; ++i) {
            const Vec x = load(d + i * row_length);
            largest = larger(absolute(x), largest);
            invalid += x * 0.0;
        }
        for (Index i = 0; i < n - 1; ++i) {
            const Vec x = load(e + i * row_length);
            largest_off = larger(squared ? x : absolute(x), largest_off);
            invalid += x * 0.0;
            if constexpr (squared) invalid = x < 0.0 ? splat(__builtin_nan("")) : invalid;
        }
        if constexpr (squared) largest_off = square_root(largest_off);
        const IntVec valid = (invalid == 0.0) & among_first(lanes, first);
        const Vec norm = valid ? larger(largest, largest_off) : splat(1.0);
        const Factors factors = factors_for(norm);
        for (Index i = 0; i < n; ++i) {
            const Vec x = load(d + i * row_length) * factors.down[0] * factors.down[1];
            store(d + i * row_length, valid ? x : Vec{});
        }
        for (Index i = 0; i < n - 1; ++i) {
            Vec x = load(e + i * row_length) * factors.down[0] * factors.down[1];
            x = squared ? x * factors.down[0] * factors.down[1] : x * x;
            store(e + i * row_length, valid ? x : Vec{});
        }
        keep_small_end_below(n, d, e);
        store_scales(scales + first, valid, norm, factors);
    }
}

}  // namespace

// `scales` takes three rows: two factors whose product undoes the scaling, NaN for matrices that
// are not finite (or have a negative square), and the square of what counts as zero off the
// diagonal.

void scale_matrices(Index n, Index lanes, double* diagonal, double* off_diagonal, double* scales) {
    scale<false>(n, lanes, diagonal, off_diagonal, scales);
}

void scale_squared_matrices(Index n, Index lanes, double* diagonal, double* squared,
                            double* scales) {
    scale<true>(n, lanes, diagonal, squared, scales);
}

void scale_bidiagonals(Index n, Index lanes, const double* q, const double* e, double* scaled_q,
                       double* scaled_e, double* scales) {
    for (Index first = 0; first < lanes; first += width) {
        Vec norm{}, invalid{}, above{};
        for (Index i = 0; i < n; ++i) {
            const Vec qi = load(q + i * row_length + first);
            const Vec ei = i < n - 1 ? load(e + i * row_length + first) : Vec{};
            norm = larger(qi + above, norm);
            invalid += qi * 0.0 + ei * 0.0;
            invalid = ((qi < 0.0) | (ei < 0.0)) ? splat(__builtin_nan("")) : invalid;
            above = ei;
        }
        const IntVec valid =
            (invalid == 0.0) & (norm <= 0x1.fffffffffffffp1023) & among_first(lanes, first);
        norm = valid ? norm : splat(1.0);
        const Factors factors = factors_for(norm);
        for (Index i = 0; i < n; ++i) {
            Vec qi = load(q + i * row_length + first);
            Vec ei = i < n - 1 ? load(e + i * row_length + first) : Vec{};
            qi = qi * factors.down[0] * factors.down[1];
            ei = ei * factors.down[0] * factors.down[1];
            store(scaled_q + i * row_length + first, valid ? qi : Vec{});
            store(scaled_e + i * row_length + first, valid ? ei : Vec{});
        }
        store_scales(scales + first, valid, norm, factors);
    }
}

void multiply_with_transpose(Index n, Index lanes, const double* q, const double* e,
                             double* diagonal, double* squared) {
    for (Index first = 0; first < lanes; first += width) {
        Vec above{};
        for (Index i = 0; i < n; ++i) {
            const Index at = i * row_length + first;
            const Vec qi = load(q + at);
            store(diagonal + at, qi + above);
            if (i == n - 1) break;
            above = load(e + at);
            store(squared + at, qi * above);
        }
    }
}

void turn_matrices(Index n, Index lanes, double* diagonal, double* squared) {
    for (Index first = 0; first < lanes; first += width) {
        keep_small_end_below(n, diagonal + first, squared + first);
    }
}

void unscale_rows(Index n, Index lanes, const double* from, const double* scales, double* to) {
    for (Index first = 0; first < lanes; first += width) {
        const Vec up = load(scales + first);
        const Vec rest = load(scales + row_length + first);
        for (Index i = 0; i < n; ++i) {
            store(to + i * row_length + first, load(from + i * row_length + first) * up * rest);
        }
    }
}

}  // namespace htmu::HTMU_TARGET
