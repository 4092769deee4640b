// Newton steps towards the squared singular values of bidiagonal matrices B in lockstep. With
// q_i = B_ii^2 and e_i = B_{i+1,i}^2, the characteristic polynomial of B B^T is p_n of
//     p_i = lambda s_{i-1} - q_i p_{i-1},  s_i = p_i - e_i s_{i-1},  p_0 = s_0 = 1.
// Rounding has the effect of changing each q, e by a few units in the last place, which moves every
// eigenvalue, be it ever so small, by a small multiple of n units at most, relative to itself
// (Demmel and Kahan, Accurate singular values of bidiagonal matrices, 1990). The p_i change signs
// once for each eigenvalue above lambda: this count certifies which one a step leads to.

#include "htmu/common/lockstep.hpp"
#include "htmu/common/vectors.hpp"

namespace htmu::HTMU_TARGET {
namespace {

constexpr Index row_length = lockstep_lanes;
/// Eigenvalues that are refined together, to hide latency.
#if defined(__AVX512F__)
constexpr int C = 4;
#else
constexpr int C = 2;
#endif
/// Rows between scalings of p and s; signs of as many rows are gathered in one word at most.
constexpr Index rows_between_scalings = 8;
constexpr Index rows_between_counts = 56;
/// Smaller eigenvalues (of matrices of norm 1) would let p underflow between two scalings.
constexpr double smallest_certified = 1e-30;
/// What a step may be wrong by, relative to the eigenvalue: lambda is off by about the step before
/// it, and by its square over the gap to the next eigenvalue after it.
constexpr double relative_tolerance = 2e-15;
/// Absolute error, over sqrt(n), of the eigenvalues that QR gives: the gap is smaller by as much
/// than it looks.
constexpr double absolute_error = 1e-15;

struct Values {
    Vec p[C], slope[C];
    IntVec below[C];  // eigenvalues below lambda
};

HTMU_INLINE WordVec bits_set(WordVec x) {
    x -= (x >> 1) & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    x += x >> 8;
    x += x >> 16;
    return (x + (x >> 32)) & 127u;
}

/// The polynomial and its derivative by lambda, both times the same power of 2. q and e of the
/// vector's lanes alternate in qe.
HTMU_INLINE Values evaluate(Index n, const double* qe, const Vec* lambda) {
    Vec p[C], s[C], dp[C], ds[C];
    WordVec signs[C], changes[C];
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) {
        p[c] = s[c] = splat(1.0);
        dp[c] = ds[c] = Vec{};
        signs[c] = changes[c] = WordVec{};
    }
    for (Index i = 0; i < n;) {
        const Index counted = i + rows_between_counts < n ? i + rows_between_counts : n;
        const Index rows = counted - i;
        while (i < counted) {
            const Index scaled =
                i + rows_between_scalings < counted ? i + rows_between_scalings : counted;
            for (; i < scaled; ++i) {
                const Vec qi = load(qe + 2 * i * width);
                const Vec ei = load(qe + (2 * i + 1) * width);
#pragma GCC unroll 8
                for (int c = 0; c < C; ++c) {
                    dp[c] = multiply_add(lambda[c], ds[c], subtract_product(s[c], qi, dp[c]));
                    p[c] = multiply_subtract(lambda[c], s[c], qi * p[c]);
                    s[c] = subtract_product(p[c], ei, s[c]);
                    ds[c] = subtract_product(dp[c], ei, ds[c]);
                    signs[c] = (signs[c] >> 1) | (bits_as<WordVec>(p[c]) & sign_bit);
                }
            }
#pragma GCC unroll 8
            for (int c = 0; c < C; ++c) {
                const Vec size = larger(absolute(p[c]), absolute(s[c]));
                // p and s that have all but vanished before the end tell nothing any more.
                if (i < n) dp[c] = size < 0x1p-900 ? splat(__builtin_nan("")) : dp[c];
                const WordVec exponent = bits_as<WordVec>(size) & 0x7FF0000000000000u;
                // 2^-k where size is in [2^k, 2^(k+1)).
                const Vec scale = bits_as<Vec>(splat(std::uint64_t{2046} << 52) - exponent);
                p[c] *= scale;
                s[c] *= scale;
                dp[c] *= scale;
                ds[c] *= scale;
            }
        }
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) {
            // Bits 63 .. 64 - rows are the signs of the last rows, latest first; the bit below is
            // the sign of the row before them.
            const int unused = static_cast<int>(64 - rows);
            changes[c] += bits_set((signs[c] ^ (signs[c] << 1)) >> unused);
        }
    }
    Values values;
    for (int c = 0; c < C; ++c) {
        values.p[c] = p[c];
        values.slope[c] = dp[c];
        values.below[c] = n - bits_as<IntVec>(changes[c]);
    }
    return values;
}

}  // namespace

/// Refines ascending eigenvalues of matrices of norm 1, and puts the number of those from the
/// lowest up to the last that is not certified into `uncertain`. q and e have n rows, the last of e
/// being zero, and so has `scratch`.
void refine_bidiagonal(Index n, Index lanes, const double* q, const double* e, double* eigenvalues,
                       double* scratch, double* uncertain, const StopCheck& stop) {
    for (Index first = 0; first < lanes; first += width) {
        for (Index i = 0; i < n; ++i) {
            store(scratch + 2 * i * width, load(q + i * row_length + first));
            store(scratch + (2 * i + 1) * width, load(e + i * row_length + first));
        }
        double* lambda_lanes = eigenvalues + first;
        const double neighbour_error = absolute_error * __builtin_sqrt(double(n));
        Vec worst{};  // 1 + the highest index that is not certified
        for (Index k = 0; k < n; k += C) {
            if (stop.asked != nullptr && stop.asked(stop.context)) break;
            Vec lambda[C];
            IntVec certified[C];
            for (int c = 0; c < C; ++c) {
                const Index row = k + c < n ? k + c : n - 1;
                lambda[c] = load(lambda_lanes + row * row_length);
                certified[c] = IntVec{};
            }
            // Another pass where one came near, as Newton steps square the relative error, or where
            // lambda hit an eigenvalue of a leading part, so that nothing was left after it.
            for (int pass = 0; pass < 3; ++pass) {
                const Values values = evaluate(n, scratch, lambda);
                IntVec near{};
                for (int c = 0; c < C; ++c) {
                    const Index row = k + c;
                    if (row >= n) break;
                    const Vec step = -values.p[c] / values.slope[c];
                    const Vec size = absolute(step);
                    // The step goes up to an eigenvalue that lambda is not above, or down to one
                    // that it is above: any other leads to a neighbour.
                    const IntVec found = (lambda[c] > smallest_certified) &
                                         (size < 0.1 * lambda[c]) &
                                         (((values.below[c] == row) & (step >= 0.0)) |
                                          ((values.below[c] == row + 1) & (step <= 0.0)));
                    Vec gap = lambda[c];
                    if (row > 0) {
                        gap = smaller(lambda[c] - load(lambda_lanes + (row - 1) * row_length), gap);
                    }
                    if (row < n - 1) {
                        gap = smaller(load(lambda_lanes + (row + 1) * row_length) - lambda[c], gap);
                    }
                    const Vec tolerance = relative_tolerance * lambda[c];
                    const IntVec small = (size <= tolerance) |
                                         (4.0 * size * size <= tolerance * (gap - neighbour_error));
                    const IntVec hit =
                        ~certified[c] & (lambda[c] > smallest_certified) &
                        ((values.p[c] == 0.0) | (values.slope[c] != values.slope[c]));
                    const IntVec better = ~certified[c] & ~hit & found;
                    lambda[c] = better ? lambda[c] + step : lambda[c];
                    lambda[c] = hit ? lambda[c] * (1.0 + 0x1p-50) : lambda[c];
                    near |= hit | (better & ~small);
                    certified[c] |= better & small;
                }
                for (int c = 0; c < C && k + c < n; ++c) {
                    store(lambda_lanes + (k + c) * row_length, lambda[c]);
                }
                if (!any(near)) break;
            }
            for (int c = 0; c < C && k + c < n; ++c) {
                worst = certified[c] ? worst : splat(double(k + c + 1));
            }
        }
        // Certified neighbours that are closer than the error may have changed places.
        for (Index k = 1; k < n; ++k) {
            const Vec x = load(lambda_lanes + (k - 1) * row_length);
            const Vec y = load(lambda_lanes + k * row_length);
            store(lambda_lanes + k * row_length, worst < double(k) ? larger(x, y) : y);
        }
        store(uncertain + first, worst);
    }
}

}  // namespace htmu::HTMU_TARGET
