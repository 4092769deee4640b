#include "piece_lookup.hpp"

namespace htmu::HTMU_TARGET {
namespace {

constexpr double log_half = -0.69314718055994531;
constexpr int most_iterations = 40;

/// t where the piece's polynomial of log F or log S takes the value `wanted`, by Newton's method
/// from t, in the lanes where `active`. Each lane stops by itself.
HTMU_INLINE Vec solve_pieces(const OwnPieces& piece, const double* coefficients, Split wanted,
                             Vec t, IntVec& active) {
    Vec c[n_coefficients];
    for (int k = 0; k < n_coefficients; ++k) c[k] = piece.coefficient(coefficients, k);
    for (int iteration = 0; iteration < most_iterations && any(active); ++iteration) {
        Vec value = c[n_stages], slope{};
        for (int k = n_stages - 1; k >= 1; --k) {
            slope = multiply_add(slope, t, value);
            value = multiply_add(value, t, c[k]);
        }
        slope = multiply_add(slope, t, value);
        const Vec residual = (c[0] - wanted.value) + multiply_subtract(value, t, wanted.rest);
        // The polynomials hold a little beyond their ends.
        const Vec next = smaller(larger(t - residual / slope, splat(-1.02)), splat(1.02));
        const Vec step = absolute(next - t);
        t = active ? next : t;
        active = active & (step > 1e-8);  // converges quadratically
    }
    return t;
}

}  // namespace

Index htmp_quantiles(const HtmpPieces& pieces, bool upper, Index n, const double* p, double* x) {
    Index n_failed = 0;
    for (Index i = 0; i < n; i += width) {
        const Vec probability = load_or_one(p + i, n - i);
        const IntVec proper = (probability > Vec{}) & (probability < 1.0);
        const Vec given = proper ? probability : splat(0.5);
        // Where p > 1/2, 1 - p is exact.
        const IntVec small = given <= 0.5;
        const IntVec use_upper = upper ? small : ~small;
        const Split log = log_of_positive(small ? given : 1.0 - given);
        const Vec key = use_upper ? 2.0 * log_half - log.value : log.value;
        IntVec piece = find_pieces(pieces.key, pieces.levels, key);
        const std::int64_t split = pieces.first_upper;
        piece = use_upper ? (piece < split ? splat(split) : piece)
                          : (piece < split ? piece : splat(split - 1));

        const Vec lower = gather(pieces.key, piece),
                  width_of_key = gather(pieces.key + 1, piece) - lower;
        const IntVec first = piece == splat(std::int64_t{0});
        const Vec linear = ((log.value - pieces.cumulative[0]) + log.rest) / pieces.delta;
        IntVec active = ~first;
        Vec t = first ? linear : 2.0 * (key - lower) / width_of_key - 1.0;
        const OwnPieces own{piece};
        t = solve_pieces(own, pieces.cumulative, log, t, active);
        for (unsigned failed = mask_bits(active); failed != 0; failed &= failed - 1) {
            n_failed += __builtin_ctz(failed) < n - i ? 1 : 0;
        }
        const Split s = split_sum(own.take(pieces.middle), t / own.take(pieces.inverse_half));
        Vec quantile = exp_of(smaller(s.value, splat(720.0)), s.value < -720.0 ? Vec{} : s.rest);
        for (unsigned improper = mask_bits(~proper); improper != 0; improper &= improper - 1) {
            const int k = __builtin_ctz(improper);
            const double at = probability[k];
            quantile[k] = at == (upper ? 1.0 : 0.0)   ? 0.0
                          : at == (upper ? 0.0 : 1.0) ? infinity
                                                      : not_a_number;
        }
        store_first(x + i, quantile, n - i);
    }
    return n_failed;
}

}  // namespace htmu::HTMU_TARGET
