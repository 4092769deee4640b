#include "piece_lookup.hpp"

namespace htmu::HTMU_TARGET {
namespace {

using Quantity = HtmpQuantity;

constexpr bool is_density(Quantity quantity) {
    return quantity == Quantity::pdf || quantity == Quantity::logpdf;
}

template <Quantity quantity, class Piece>
HTMU_INLINE Vec value_at(const HtmpPieces& pieces, const Piece& piece, Split s) {
    const Vec t =
        ((s.value - piece.take(pieces.middle)) + s.rest) * piece.take(pieces.inverse_half);
    if constexpr (is_density(quantity)) {
        const Vec log = polynomial_value(piece, pieces.density, t);
        if constexpr (quantity == Quantity::logpdf) return log;
        return portable_exp<Vec, WordVec>(smaller(log, splat(720.0)));
    } else {
        const Vec rise = polynomial_rise(piece, pieces.cumulative, t) * t;
        const Split log = split_sum(piece.coefficient(pieces.cumulative, 0), rise);
        const IntVec upper = piece.number() >= pieces.first_upper;
        constexpr bool wants_upper = quantity == Quantity::sf || quantity == Quantity::logsf;
        const IntVec direct = wants_upper ? upper : ~upper;
        const Vec small = exp_of(smaller(log.value, Vec{}), log.rest);
        if constexpr (quantity == Quantity::cdf || quantity == Quantity::sf) {
            return direct ? small : 1.0 - small;
        } else {
            return direct ? log.value : log_of_complement(small);
        }
    }
}

/// Below and at 0, beyond the pieces, and at NaN.
template <Quantity quantity>
__attribute__((noinline)) double value_outside(const HtmpPieces& pieces, double x) {
    if (x != x) return not_a_number;
    double log_density = -infinity, log_sf = -infinity;
    if (x <= 0.0) {
        if (x == 0.0 && pieces.delta <= 1.0) {
            log_density = pieces.delta < 1.0 ? infinity : pieces.density[0];
        }
        log_sf = 0.0;
    } else if (x < infinity) {
        const double s = __builtin_log(x);
        log_density = tail_log_density(pieces, s);
        const double y = pieces.end_y * __builtin_exp(s - pieces.end_s);
        log_sf = log_density + s - __builtin_log(y - pieces.delta - 2.0 * pieces.b + 1.0);
    }
    switch (quantity) {
        case Quantity::logpdf:
            return log_density;
        case Quantity::pdf:
            return __builtin_exp(log_density);
        case Quantity::logsf:
            return log_sf;
        case Quantity::sf:
            return __builtin_exp(log_sf);
        case Quantity::cdf:
            return -__builtin_expm1(log_sf);
        case Quantity::logcdf:
            return x <= 0.0 ? -infinity : __builtin_log1p(-__builtin_exp(log_sf));
    }
    return not_a_number;
}

template <Quantity quantity>
HTMU_INLINE void values_of(const HtmpPieces& pieces, Index n, const double* x, double* values) {
    const auto use = [&](Index i, Vec points, Split s, unsigned outside, const auto& piece)
                         __attribute__((always_inline)) {
                             Vec value = value_at<quantity>(pieces, piece, s);
                             for (; outside != 0; outside &= outside - 1) {
                                 const int k = __builtin_ctz(outside);
                                 value[k] = value_outside<quantity>(pieces, points[k]);
                             }
                             store_first(values + i, value, n - i);
                         };
    for_each_vector(pieces, n, x, use);
}

}  // namespace

void htmp_values(const HtmpPieces& pieces, HtmpQuantity quantity, Index n, const double* x,
                 double* values) {
    switch (quantity) {
        case Quantity::logpdf:
            return values_of<Quantity::logpdf>(pieces, n, x, values);
        case Quantity::pdf:
            return values_of<Quantity::pdf>(pieces, n, x, values);
        case Quantity::logcdf:
            return values_of<Quantity::logcdf>(pieces, n, x, values);
        case Quantity::cdf:
            return values_of<Quantity::cdf>(pieces, n, x, values);
        case Quantity::logsf:
            return values_of<Quantity::logsf>(pieces, n, x, values);
        case Quantity::sf:
            return values_of<Quantity::sf>(pieces, n, x, values);
    }
}

}  // namespace htmu::HTMU_TARGET
