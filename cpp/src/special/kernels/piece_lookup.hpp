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

/// log x for positive x, subnormal ones included.
HTMU_INLINE Vec log_of_positive(Vec x) {
    if (!any_less(x, splat(smallest_normal))) return portable_log<Vec, WordVec>(x);
    const IntVec subnormal = x < smallest_normal;
    const Vec log = portable_log<Vec, WordVec>(subnormal ? x * 0x1p54 : x);
    return subnormal ? log - 54 * 0.69314718055994531 : log;
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

template <class Piece>
HTMU_INLINE Vec polynomial_value(const Piece& piece, const double* coefficients, Vec t) {
    Vec value = piece.coefficient(coefficients, n_stages);
    for (int k = n_stages - 1; k >= 0; --k) {
        value = multiply_add(value, t, piece.coefficient(coefficients, k));
    }
    return value;
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
class Cursor {
   public:
    HTMU_MEMBER explicit Cursor(const HtmpPieces& pieces) : pieces_(pieces) { move_to(0); }

    /// Calls use(piece) for the points at s, which is below the end.
    template <class Use>
    HTMU_MEMBER void visit(Vec s, Use use) {
        constexpr unsigned all = (1u << width) - 1u;
        if (less_bits(s, splat(lower_)) == 0 && less_bits(s, splat(upper_)) == all) {
            return use(SharedPiece{piece_});
        }
        const IntVec piece = find_pieces(pieces_.edge, pieces_.levels, s);
        if (!any(piece != piece[0])) {
            move_to(piece[0]);
            return use(SharedPiece{piece_});
        }
        use(OwnPieces{piece});
    }

   private:
    const HtmpPieces& pieces_;
    Index piece_;
    double lower_, upper_;

    HTMU_MEMBER void move_to(Index piece) {
        piece_ = piece;
        lower_ = pieces_.edge[piece];
        upper_ = pieces_.edge[piece + 1];
    }
};

/// log f beyond the pieces: l' = -(y - delta - 2 b) + 2 b (b + delta) / y, integrated.
HTMU_INLINE double tail_log_density(const HtmpPieces& pieces, double s) {
    const double gone = s - pieces.end_s, y = pieces.end_y, b = pieces.b;
    return pieces.end_log_density - y * __builtin_expm1(gone) +
           (pieces.delta + 2.0 * b - 1.0) * gone -
           2.0 * b * (b + pieces.delta) / y * __builtin_expm1(-gone);
}

}  // namespace htmu::HTMU_TARGET
