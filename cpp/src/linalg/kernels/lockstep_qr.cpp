// Eigenvalues of symmetric tridiagonal matrices in lockstep, one matrix a lane, by the root-free QR
// algorithm of Pal, Walker and Kahan (Parlett, The Symmetric Eigenvalue Problem, 8.15; LAPACK's
// dsterf), from the top down and with one reciprocal a row.
//
// A sweep with shift sigma takes the diagonal d and the squared off-diagonals b of the rows up to
// `last`, which is each lane's own. With gamma = d_0 - sigma, p = gamma^2 and s = 0, row i does
//     r = p + b_i,  w = 1 / (r p),  N = p (d_{i+1} - sigma) - b_i gamma,
//     b_{i-1} = s r,  s = b_i p w,  gamma' = N p w,  d_i = gamma + (d_{i+1} - gamma'),  p' = N^2 w,
// which is dsterf's c = p / r, s = b_i / r, gamma' = c (d_{i+1} - sigma) - s gamma and
// p' = gamma'^2 / c. r p stays far from underflow: matrices have norm 1, and |gamma| >= tiny.
//
// A lane must not feel its neighbours: where a lane ends earlier than others, its rows below are
// left alone, and all it does is decided by its own values.

#include "htmu/common/lockstep.hpp"
#include "htmu/common/vectors.hpp"

namespace htmu::HTMU_TARGET {
namespace {

constexpr double tiny = 0x1p-133;
constexpr double tiny_squared = tiny * tiny;
/// Shift of lanes that are done, and diagonal outside matrices: off all eigenvalues of norm 1.
constexpr double outside = 4.0;
/// Sweeps without a deflation after which a lane takes the plain Wilkinson shift, which converges
/// from anywhere.
constexpr double patience = 6.0;
/// Sweeps per eigenvalue after which a matrix counts as not converging; 1 to 2 are normal.
constexpr Index sweeps_per_row = 30;

/// How shifts are improved: Newton steps on the bottom `rows` rows. They save 10 to 40% of the
/// sweeps, which are worth more steps the larger the matrices.
struct Window {
    int rows, steps;
};
constexpr int max_window = 16;
constexpr Window window_for(Index n) {
    if (n < 64) return {4, 1};
    if (n < 200) return {8, 2};
    if (n < 600) return {12, 3};
    return {max_window, 4};
}

/// G vectors of lanes that are advanced together, to hide the latency of a row's chain.
template <int G>
struct Lanes {
    double* diagonal;
    double* squared;
    Vec last[G];       // row of the eigenvalue that is sought, -1 when all are found
    Vec tolerance[G];  // squared
    Vec shift[G];
    Vec age[G];  // sweeps since the last deflation
};

/// The values that a sweep carries from row to row.
template <int G>
struct Chain {
    Vec shift[G], gamma[G], p[G], s[G];
};

/// Rows of a sweep. In the rows up to `shared`, all lanes are at work; below, those that end are
/// told apart: at its last row a lane takes d = sigma + gamma, and its rows below keep theirs.
template <int G, bool ends>
HTMU_INLINE Chain<G> sweep_rows(Index from, Index to, double* d, double* b, const Vec* last,
                                Chain<G> chain) {
    constexpr Index row_length = lockstep_lanes;
    d += from * row_length;
    b += from * row_length;
    double* b_above = from > 0 ? b - row_length : b;
    for (Index i = from; i < to; ++i) {
        Vec gamma[G], p[G], r[G], w[G], next[G];
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) {
            Vec off = load(b + g * width);
            next[g] = load(d + row_length + g * width);
            if constexpr (ends) off = last[g] > double(i) ? off : Vec{};
            r[g] = chain.p[g] + off;
            w[g] = fast_reciprocal(r[g] * chain.p[g]);
            const Vec numerator =
                multiply_subtract(chain.p[g], next[g] - chain.shift[g], off * chain.gamma[g]);
            store(b_above + g * width, chain.s[g] * r[g]);
            const Vec pw = chain.p[g] * w[g];
            gamma[g] = numerator * pw;
            p[g] = numerator * numerator * w[g];
            chain.s[g] = off * pw;
        }
        Vec least = p[0];
#pragma GCC unroll 8
        for (int g = 1; g < G; ++g) least = smaller(p[g], least);
        if (__builtin_expect(any_less(least, splat(tiny_squared)), 0)) {
            // gamma = tiny, p = gamma^2 / c, where 1 / c = r / p of the row above.
#pragma GCC unroll 8
            for (int g = 0; g < G; ++g) {
                const IntVec vanished = p[g] < tiny_squared;
                gamma[g] = vanished ? splat(tiny) : gamma[g];
                p[g] = vanished ? tiny_squared * (r[g] * r[g] * w[g]) : p[g];
            }
        }
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) {
            Vec out = chain.gamma[g] + (next[g] - gamma[g]);
            if constexpr (ends) {
                out = last[g] > double(i) ? out : chain.shift[g] + chain.gamma[g];
                out = last[g] >= double(i) ? out : load(d + g * width);
            }
            store(d + g * width, out);
            chain.gamma[g] = gamma[g];
            chain.p[g] = p[g];
        }
        b_above = b;
        b += row_length;
        d += row_length;
    }
    return chain;
}

template <int G>
__attribute__((noinline)) void sweep(Index shared, Index bottom, const Lanes<G>& lanes) {
    Chain<G> chain;
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) {
        chain.shift[g] = lanes.shift[g];
        const Vec gamma = load(lanes.diagonal + g * width) - lanes.shift[g];
        chain.gamma[g] = absolute(gamma) < tiny ? splat(tiny) : gamma;
        chain.p[g] = chain.gamma[g] * chain.gamma[g];
        chain.s[g] = Vec{};
    }
    double* d = lanes.diagonal;
    double* b = lanes.squared;
    chain = sweep_rows<G, false>(0, shared, d, b, lanes.last, chain);
    chain = sweep_rows<G, true>(shared, bottom, d, b, lanes.last, chain);
    d += bottom * lockstep_lanes;
    b += (bottom - 1) * lockstep_lanes;
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) {
        const IntVec ending = lanes.last[g] >= double(bottom);
        store(d + g * width, ending ? lanes.shift[g] + chain.gamma[g] : load(d + g * width));
        store(b + g * width, chain.s[g] * chain.p[g]);
    }
}

/// Where row `row` of each lane lies; row r lies at index - 32 r' from row r + r'.
HTMU_INLINE IntVec index_of(Vec row, int group) {
    const Vec shifted = row * double(lockstep_lanes) + 0x1p52;
    return bits_as<IntVec>(shifted) +
           (lane_numbers() + std::int64_t{group * width} - std::int64_t{0x4330000000000000});
}
constexpr std::int64_t one_row = lockstep_lanes;

/// Takes off the eigenvalues at the bottom that have converged, and shifts the others by the
/// eigenvalue of the bottom 2 by 2 block that is nearer to its last entry (Wilkinson). With e the
/// square of the block's off-diagonal and e_above that of the one above, e may be dropped when it
/// is within the tolerance. Otherwise, turning the block diagonal brings e_above sin^2, where
/// sin^2 = e / (e + den^2), to the last row: when that is within the tolerance, the block's
/// eigenvalues replace its diagonal, and the last one is taken off. That saves about every tenth
/// sweep.
template <int G>
HTMU_INLINE void deflate(Lanes<G>& lanes) {
    bool again = true;
    while (again) {
        again = false;
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) {
            const Vec last = lanes.last[g];
            const IntVec at_last = index_of(last, g);
            const IntVec at_above = at_last - one_row;
            const IntVec at_second = at_above - one_row;
            const IntVec active = last > 0.0;
            const Vec dl = gather_where(active, lanes.diagonal, at_last, Vec{});
            const Vec dm = gather_where(active, lanes.diagonal, at_above, Vec{});
            const Vec e = gather_where(active, lanes.squared, at_above, Vec{});
            const Vec e_above = gather_where(last > 1.0, lanes.squared, at_second, Vec{});
            const Vec half = 0.5 * (dm - dl);
            const Vec root = fast_square_root(multiply_add(half, half, e));
            const Vec den = half + copy_sign(root, half);
            const Vec ratio = e * fast_reciprocal(den);
            const IntVec small = e <= lanes.tolerance[g];
            const IntVec merged =
                active & ~small & (e_above * e <= lanes.tolerance[g] * multiply_add(den, den, e));
            const IntVec done = active & (small | merged);
            lanes.shift[g] = active ? dl - ratio : splat(outside);
            if (any(merged)) {
                scatter_where(merged, lanes.diagonal, at_last, dl - ratio);
                scatter_where(merged, lanes.diagonal, at_above, dm + ratio);
            }
            lanes.last[g] = done ? (last > 1.0 ? last - 1.0 : splat(-1.0)) : last;
            lanes.age[g] = done ? Vec{} : lanes.age[g];
            again |= any(done);
        }
    }
}

/// Whether no lane's last row is at or below `row`; whether any lane's is above.
template <int G>
HTMU_INLINE bool none_from(const Lanes<G>& lanes, Index row) {
    Vec most = lanes.last[0];
    for (int g = 1; g < G; ++g) most = larger(most, lanes.last[g]);
    return !any_less(splat(double(row - 1)), most);
}
template <int G>
HTMU_INLINE bool any_before(const Lanes<G>& lanes, Index row) {
    Vec least = lanes.last[0];
    for (int g = 1; g < G; ++g) least = smaller(least, lanes.last[g]);
    return any_less(least, splat(double(row)));
}

/// Improves the shifts by Newton steps towards an eigenvalue of the bottom rows. With p_k the
/// characteristic polynomials of the block's leading parts, p_{k+1} = (d - sigma) p_k - b p_{k-1},
/// the last pivot is p_w / p_{w-1} and its derivative -H_w / p_{w-1}^2, where H_{k+1} = p_k^2 + b
/// H_k.
template <int G>
__attribute__((noinline)) void improve_shifts(Lanes<G>& lanes, Window window) {
    const int rows = window.rows;
    Vec d[max_window][G], b[max_window][G];
    IntVec at[G];
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) at[g] = index_of(lanes.last[g], g);
    for (int k = rows - 1; k >= 0; --k) {
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) {
            d[k][g] = gather_where(at[g] >= 0, lanes.diagonal, at[g], splat(outside));
            at[g] -= one_row;
            b[k][g] = gather_where(at[g] >= 0, lanes.squared, at[g], Vec{});
        }
    }
    for (int step = 0; step < window.steps; ++step) {
        Vec older[G], p[G], h[G];
        for (int g = 0; g < G; ++g) {
            older[g] = splat(1.0);
            p[g] = d[0][g] - lanes.shift[g];
            h[g] = splat(1.0);
        }
        for (int k = 1; k < rows; ++k) {
#pragma GCC unroll 8
            for (int g = 0; g < G; ++g) {
                const Vec newer =
                    multiply_subtract(d[k][g] - lanes.shift[g], p[g], b[k][g] * older[g]);
                h[g] = multiply_add(b[k][g], h[g], p[g] * p[g]);
                older[g] = p[g];
                p[g] = newer;
            }
        }
        for (int g = 0; g < G; ++g) {
            const Vec better = lanes.shift[g] + p[g] * older[g] * fast_reciprocal(h[g]);
            const IntVec usable =
                (absolute(better) < outside) & (lanes.age[g] < patience) & (lanes.last[g] > 1.0);
            lanes.shift[g] = usable ? better : lanes.shift[g];
        }
    }
}

/// Returns the lanes, counted from the first of these groups, that did not converge.
template <int G>
unsigned solve(Index n, double* diagonal, double* squared, const double* tolerances,
               const StopCheck& stop) {
    Lanes<G> lanes;
    lanes.diagonal = diagonal;
    lanes.squared = squared;
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) {
        lanes.last[g] = splat(double(n - 1));
        lanes.tolerance[g] = load(tolerances + g * width);
        lanes.age[g] = Vec{};
    }
    const Window window = window_for(n);
    Index bottom = n - 1;  // largest and
    Index shared = n - 1;  // smallest `last` of all lanes
    for (Index sweeps = 0; sweeps < sweeps_per_row * n; ++sweeps) {
        if (stop.asked != nullptr && stop.asked(stop.context)) break;
        deflate(lanes);
        while (bottom > 0 && none_from(lanes, bottom)) --bottom;
        while (shared > 0 && any_before(lanes, shared)) --shared;
        if (bottom == 0) return 0;  // as no lane stops at row 0
        improve_shifts(lanes, window);
        sweep(shared, bottom, lanes);
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) lanes.age[g] += 1.0;
    }
    unsigned failed = 0;
    for (int g = 0; g < G; ++g) failed |= mask_bits(lanes.last[g] > 0.0) << (g * width);
    return failed;
}

}  // namespace

/// Leaves the eigenvalues of matrices of norm 1 in `diagonal`, in no order. Squared off-diagonals
/// up to the tolerances are dropped. Returns the lanes that did not converge, or were stopped.
unsigned root_free_qr(Index n, Index lanes, double* diagonal, double* squared,
                      const double* tolerances, const StopCheck& stop) {
    unsigned failed = 0;
    if (n < 2) return failed;
    for (Index first = 0; first < lanes;) {
        const Index groups = (lanes - first + width - 1) / width;
        double* d = diagonal + first;
        double* b = squared + first;
        const double* t = tolerances + first;
        if (groups >= 4) {
            failed |= solve<4>(n, d, b, t, stop) << first;
            first += 4 * width;
        } else if (groups == 3) {
            failed |= solve<3>(n, d, b, t, stop) << first;
            first += 3 * width;
        } else if (groups == 2) {
            failed |= solve<2>(n, d, b, t, stop) << first;
            first += 2 * width;
        } else {
            failed |= solve<1>(n, d, b, t, stop) << first;
            first += width;
        }
    }
    return failed;
}

}  // namespace htmu::HTMU_TARGET
