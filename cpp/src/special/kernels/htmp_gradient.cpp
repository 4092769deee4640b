#include "piece_lookup.hpp"

namespace htmu::HTMU_TARGET {
namespace {

struct Gradient {
    Vec log_density, by_b, by_delta, by_log_x;
};

/// Where the density is 0, or where it or its limit is infinite: log f alone is defined.
HTMU_INLINE void set_outside(const HtmpPieces& pieces, double x, int k, Gradient& gradient) {
    double log_density = x == x ? -infinity : not_a_number;
    double by_b = not_a_number, by_delta = not_a_number, by_log_x = not_a_number;
    if (x == 0.0 && pieces.delta <= 1.0) {
        log_density = pieces.delta < 1.0 ? infinity : pieces.density[0];
    } else if (x > 0.0 && x < infinity) {
        const double s = __builtin_log(x), gone = s - pieces.end_s, b = pieces.b,
                     c = b + pieces.delta;
        const double y = pieces.end_y, x_end = y / c;
        const double rise = __builtin_expm1(gone), fall = -__builtin_expm1(-gone);
        const double correction = 2.0 * b * c / y;
        log_density = tail_log_density(pieces, s);
        // y = c x, so that 2 b c / y = 2 b / x.
        by_b = pieces.end_by_b - x_end * rise + 2.0 * gone + 2.0 / x_end * fall;
        by_delta = pieces.end_by_delta - x_end * rise + gone;
        by_log_x = -y * (rise + 1.0) + pieces.delta + 2.0 * b - 1.0 + correction * (1.0 - fall);
    }
    gradient.log_density[k] = log_density;
    gradient.by_b[k] = by_b;
    gradient.by_delta[k] = by_delta;
    gradient.by_log_x[k] = by_log_x;
}

}  // namespace

void htmp_gradient(const HtmpPieces& pieces, Index n, const double* x, Index stride,
                   double* values) {
    const auto use = [&](Index i, Vec points, Split s, unsigned outside,
                         const auto& piece) __attribute__((always_inline)) {
        Gradient gradient;
        const Vec scale = piece.take(pieces.inverse_half);
        const Vec t = ((s.value - piece.take(pieces.middle)) + s.rest) * scale;
        Vec slope;
        gradient.log_density = polynomial_value(piece, pieces.density, t, slope);
        gradient.by_log_x = slope * scale;
        gradient.by_b = polynomial_value(piece, pieces.by_b, t);
        gradient.by_delta = polynomial_value(piece, pieces.by_delta, t);
        for (; outside != 0; outside &= outside - 1) {
            const int k = __builtin_ctz(outside);
            set_outside(pieces, points[k], k, gradient);
        }
        store_first(values + i, gradient.log_density, n - i);
        store_first(values + stride + i, gradient.by_b, n - i);
        store_first(values + 2 * stride + i, gradient.by_delta, n - i);
        store_first(values + 3 * stride + i, gradient.by_log_x, n - i);
    };
    for_each_vector(pieces, n, x, use);
}

}  // namespace htmu::HTMU_TARGET
