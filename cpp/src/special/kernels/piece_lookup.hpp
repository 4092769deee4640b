#pragma once

// The pieces of an HtmpTable that a vector of points falls into, and their polynomials. The bits of
// a point's result do not depend on the points beside it: whether the lanes share a piece only
// decides how its coefficients are loaded.

#include "htmu/common/vectors.hpp"
#include "htmu/random/elementary.hpp"
#include "htmu/special/htmp_kernels.hpp"

namespace htmu::HTMU_TARGET {

inline constexpr double not_a_number = __builtin_nan("");
inline constexpr double infinity = __builtin_inf();
inline constexpr double smallest_normal = 0x1p-1022;

/// `width` values from a list, or the `count` that are left of it and 1.
HTMU_INLINE Vec load_or_one(const double* from, Index count) {
    if (count >= width) return load(from);
    return lane_numbers() < count ? load_first(from, count) : splat(1.0);
}

/// value + rest, where |rest| is at most half a unit in the last place of value.
struct Split {
    Vec value, rest;
};
/// x + y, without error (Knuth).
HTMU_INLINE Split split_sum(Vec x, Vec y) {
    const Vec sum = x + y, added = sum - x;
    return {sum, (x - (sum - added)) + (y - added)};
}

/// log x for positive x, subnormal ones included; to 1e-16. An error in s = log x is multiplied by
/// l', 700 or more where the tails underflow.
HTMU_INLINE Split log_of_positive(Vec x) {
    constexpr double ln2_54_high = 54 * elementary::ln2_high, ln2_54_low = 54 * elementary::ln2_low;
    Vec high, low;
    if (any_less(x, splat(smallest_normal))) {
        const IntVec subnormal = x < smallest_normal;
        portable_log_parts<Vec, WordVec>(subnormal ? x * 0x1p54 : x, high, low);
        high = subnormal ? high - ln2_54_high : high;
        low = subnormal ? low + ln2_54_low : low;
    } else {
        portable_log_parts<Vec, WordVec>(x, high, low);
    }
    return split_sum(high, -low);
}

/// e^x (1 + rest): e^(x + rest).
HTMU_INLINE Vec exp_of(Vec x, Vec rest) {
    const Vec value = portable_exp<Vec, WordVec>(x);
    return multiply_add(value, rest, value);
}

/// log(1 - e) for 0 <= e <= 1/2, from the logarithm of the rounded difference.
HTMU_INLINE Vec log_of_complement(Vec e) {
    const Vec u = 1.0 - e;
    return portable_log<Vec, WordVec>(u) - ((u - 1.0) + e) / u;
}

/// The piece of each lane: the last one with bound[piece] <= position, which is finite or -infinity
/// and below the end.
HTMU_INLINE IntVec find_pieces(const double* bound, int levels, Vec position) {
    IntVec piece{};
    for (std::int64_t step = std::int64_t{1} << (levels - 1); step > 0; step /= 2) {
        const IntVec next = piece + step;
        piece = gather(bound, next) <= position ? next : piece;
    }
    return piece;
}

/// Coefficients of the piece that all lanes share, or of each lane's own.
struct SharedPiece {
    Index piece;
    HTMU_MEMBER Vec take(const double* values) const { return splat(values[piece]); }
    HTMU_MEMBER Vec coefficient(const double* values, int k) const {
        return splat(values[piece * n_coefficients + k]);
    }
    HTMU_MEMBER IntVec number() const { return splat(static_cast<std::int64_t>(piece)); }
};
struct OwnPieces {
    IntVec piece;
    HTMU_MEMBER Vec take(const double* values) const { return gather(values, piece); }
    HTMU_MEMBER Vec coefficient(const double* values, int k) const {
        return gather(values + k, piece * n_coefficients);
    }
    HTMU_MEMBER IntVec number() const { return piece; }
};

/// The polynomial less its value at 0, divided by t.
template <class Piece>
HTMU_INLINE Vec polynomial_rise(const Piece& piece, const double* coefficients, Vec t) {
    Vec value = piece.coefficient(coefficients, n_stages);
    for (int k = n_stages - 1; k >= 1; --k) {
        value = multiply_add(value, t, piece.coefficient(coefficients, k));
    }
    return value;
}
template <class Piece>
HTMU_INLINE Vec polynomial_value(const Piece& piece, const double* coefficients, Vec t) {
    return multiply_add(polynomial_rise(piece, coefficients, t), t,
                        piece.coefficient(coefficients, 0));
}

/// The value, and the derivative by t.
template <class Piece>
HTMU_INLINE Vec polynomial_value(const Piece& piece, const double* coefficients, Vec t,
                                 Vec& derivative) {
    Vec value = piece.coefficient(coefficients, n_stages);
    derivative = Vec{};
    for (int k = n_stages - 1; k >= 0; --k) {
        derivative = multiply_add(derivative, t, value);
        value = multiply_add(value, t, piece.coefficient(coefficients, k));
    }
    return value;
}

/// The piece that the last points shared: sorted points mostly stay in it.
struct Cursor {
    std::int64_t piece;
    double lower, upper;

    HTMU_MEMBER void move_to(const HtmpPieces& pieces, std::int64_t to) {
        piece = to;
        lower = pieces.edge[to];
        upper = pieces.edge[to + 1];
    }
    HTMU_MEMBER bool holds(Vec s) const {
        constexpr unsigned all = (1u << width) - 1u;
        return less_bits(s, splat(lower)) == 0 && less_bits(s, splat(upper)) == all;
    }
};

HTMU_INLINE bool all_equal(IntVec x) {
    return !any(x != x[0]);
}

/// Calls use(first, points, s, outside, piece) for each vector of the n points at x: s = log x, or
/// 0 in the lanes whose bits are set in `outside`, where x is not positive or beyond the pieces. A
/// block of vectors is looked up before it is used, so that the searches overlap.
template <class Use>
HTMU_INLINE void for_each_vector(const HtmpPieces& pieces, Index n, const double* x, Use use) {
    constexpr int block = 8;
    Cursor cursor;
    cursor.move_to(pieces, 0);
    for (Index first = 0; first < n; first += block * width) {
        const Index left = (n - first + width - 1) / width;
        const int count = left < block ? static_cast<int>(left) : block;
        Vec points[block];
        Split s[block];
        IntVec piece[block];
        unsigned outside[block];
        for (int k = 0; k < count; ++k) {
            points[k] = load_or_one(x + first + k * width, n - first - k * width);
            const IntVec positive = points[k] > Vec{};
            s[k] = log_of_positive(positive ? points[k] : splat(1.0));
            const IntVec inside = positive & (s[k].value < pieces.end_s);
            s[k].value = inside ? s[k].value : Vec{};
            outside[k] = mask_bits(~inside);
        }
        for (int k = 0; k < count; ++k) {
            if (cursor.holds(s[k].value)) {
                piece[k] = splat(cursor.piece);
            } else {
                piece[k] = find_pieces(pieces.edge, pieces.levels, s[k].value);
                if (all_equal(piece[k])) cursor.move_to(pieces, piece[k][0]);
            }
        }
        for (int k = 0; k < count; ++k) {
            const Index at = first + k * width;
            if (all_equal(piece[k])) {
                use(at, points[k], s[k], outside[k], SharedPiece{piece[k][0]});
            } else {
                use(at, points[k], s[k], outside[k], OwnPieces{piece[k]});
            }
        }
    }
}

/// log f beyond the pieces: l' = -(y - delta - 2 b) + 2 b (b + delta) / y, integrated.
HTMU_INLINE double tail_log_density(const HtmpPieces& pieces, double s) {
    const double gone = s - pieces.end_s, y = pieces.end_y, b = pieces.b;
    return pieces.end_log_density - y * __builtin_expm1(gone) +
           (pieces.delta + 2.0 * b - 1.0) * gone -
           2.0 * b * (b + pieces.delta) / y * __builtin_expm1(-gone);
}

}  // namespace htmu::HTMU_TARGET
