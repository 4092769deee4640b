// Division-free Sturm sequences at many points: the recurrences of the characteristic polynomials
// of leading submatrices, one point a lane, rescaled by powers of two. Source of the recurrences:
// Wilkinson, The Algebraic Eigenvalue Problem (1965), ch. 5 sec. 37 (tridiagonal); Fernando and
// Parlett, Numer. Math. 67, 191 (1994), stationary qd with its quotients cleared (bidiagonal).

#include "htmu/linalg/sturm_kernels.hpp"
#include "sturm_signs.hpp"

namespace htmu::HTMU_TARGET {
namespace {

/// det(x - (B B^T)_i) = p_i with s_i = det(x - (B^T B)_i): p_i = x s_{i-1} - q_i p_{i-1},
/// s_i = p_i - e_i s_{i-1}. No subtraction of data, so that each rounding is a relative
/// perturbation of one q_i, e_i or x, and counts hold to a relative error of a few eps n.
struct Bidiagonal {
    const double* q;
    const double* e;
};

/// det(x - T_i) = p_i = (x - d_i) p_{i-1} - e_{i-1}^2 p_{i-2}; s_i = p_{i-1}. Absolute accuracy.
/// squared_e[i] couples i - 1 and i.
struct Tridiagonal {
    const double* d;
    const double* squared_e;
};

/// Half an epsilon.
constexpr double rounding = 0x1p-53;

/// x where it is not 0, else `instead`.
HTMU_INLINE Vec mended(Vec x, Vec instead) {
    return x == Vec{} ? instead : x;
}

template <Zeros zeros, int parts>
HTMU_INLINE void advance(const Bidiagonal& matrix, Index i, const Vec* x, Vec* p, Vec* s) {
    const Vec q = splat(matrix.q[i]), e = splat(matrix.e[i]);
    HTMU_UNROLL
    for (int k = 0; k < parts; ++k) {
        Vec next = multiply_subtract(x[k], s[k], q * p[k]);
        if (zeros == Zeros::mended) next = mended(next, -rounding * x[k] * s[k]);
        p[k] = next;
        s[k] = multiply_add(e, -s[k], p[k]);
        if (zeros == Zeros::mended) s[k] = mended(s[k], rounding * p[k]);
    }
}

template <Zeros zeros, int parts>
HTMU_INLINE void advance(const Tridiagonal& matrix, Index i, const Vec* x, Vec* p, Vec* s) {
    const Vec d = splat(matrix.d[i]), squared_e = splat(matrix.squared_e[i]);
    HTMU_UNROLL
    for (int k = 0; k < parts; ++k) {
        Vec next = multiply_subtract(x[k] - d, p[k], squared_e * s[k]);
        if (zeros == Zeros::mended) next = mended(next, -rounding * p[k]);
        s[k] = p[k];
        p[k] = next;
    }
}

/// Scales p and s by the power of two that makes the larger of |p|, |s| lie in [1, 2).
HTMU_INLINE void rescale(Vec& p, Vec& s, IntVec& exponent) {
    const IntVec biased = bits_as<IntVec>(bits_as<WordVec>(larger(absolute(p), absolute(s))) >> 52);
    const Vec factor = bits_as<Vec>((2046 - biased) << 52);
    p *= factor;
    s *= factor;
    exponent += biased - 1023;
}

/// All steps for `groups` groups of 8 points, with a rescaling every `period` steps.
template <Zeros zeros, int groups, class Matrix>
void evaluate_groups(const Matrix& matrix, Index n, Index period, double first_s,
                     const double* points, Index offset, const SturmValues& values) {
    constexpr int parts = groups * group_parts;
    Vec x[parts], p[parts], s[parts];
    IntVec exponent[parts], changes[parts];
    SignBytes signs[groups];
    HTMU_UNROLL
    for (int k = 0; k < parts; ++k) {
        x[k] = load(points + offset + k * width);
        p[k] = splat(1.0);
        s[k] = splat(first_s);
        exponent[k] = changes[k] = IntVec{};
    }
    for (int g = 0; g < groups; ++g) signs[g].previous[7] = 0;

    for (Index begin = 0; begin < n; begin += sign_steps) {
        const Index steps = n - begin < sign_steps ? n - begin : sign_steps;
        for (Index i = 0; i < steps;) {
            const Index stop = i + period < steps ? i + period : steps;
            for (; i < stop; ++i) {
                advance<zeros, parts>(matrix, begin + i, x, p, s);
                HTMU_UNROLL
                for (int g = 0; g < groups; ++g) {
                    store_signs(signs[g].bytes + i, p + g * group_parts);
                }
            }
            HTMU_UNROLL
            for (int k = 0; k < parts; ++k) rescale(p[k], s[k], exponent[k]);
        }
        HTMU_UNROLL
        for (int g = 0; g < groups; ++g) {
            add_sign_changes(signs[g], steps, changes + g * group_parts);
        }
    }

    HTMU_UNROLL
    for (int k = 0; k < parts; ++k) {
        const Index at = offset + k * width;
        const IntVec below = n - changes[k];
        store(values.mantissa + at, p[k]);
        store(values.exponent + at, as_doubles(exponent[k]));
        __builtin_memcpy(values.below + at, &below, sizeof(below));
    }
}

/// Groups that run side by side: enough to hide the latency of 8 cycles a step, few enough for the
/// registers.
#if defined(__AVX512F__)
constexpr int most_groups = 6;
#elif defined(__AVX2__)
constexpr int most_groups = 3;
#else
constexpr int most_groups = 1;
#endif

/// The smallest of a number of points that fills whole vectors.
HTMU_INLINE double smallest_of(const double* points, Index count) {
    Vec smallest = load(points);
    for (Index i = width; i < count; i += width) smallest = smaller(load(points + i), smallest);
    return -largest_of(-smallest);
}

/// Steps between rescalings that keep p and s normal. A step takes away at most a factor x 2^-53
/// (a cancellation), where entries are at most 2 and 0 < x <= 16.
HTMU_INLINE Index period_of(const Bidiagonal&, const double* points, Index count) {
    const double smallest = smallest_of(points, count);
    if (smallest >= 0x1p-8) return 16;
    if (smallest >= 0x1p-64) return 8;
    if (smallest >= 0x1p-190) return 4;
    return smallest >= 0x1p-440 ? 2 : 1;
}
/// Two steps take away at most a factor 2^-120, which bounds squared_e from below.
HTMU_INLINE Index period_of(const Tridiagonal&, const double*, Index) {
    return 16;
}

template <class Matrix>
void evaluate(const Matrix& matrix, Index n, double first_s, const double* points, Index n_points,
              Zeros zeros, const SturmValues& values) {
    const Index all_groups = n_points / group_size;
    if (zeros == Zeros::mended) {
        for (Index group = 0; group < all_groups; ++group) {
            evaluate_groups<Zeros::mended, 1>(matrix, n, 1, first_s, points, group * group_size,
                                              values);
        }
        return;
    }
    for (Index done = 0; done < all_groups;) {
        const Index left = all_groups - done;
        // The last two turns share what is left, for a turn of few groups waits on its latency.
        const Index now = left >= 2 * most_groups || left == most_groups ? most_groups
                          : left > most_groups                           ? (left + 1) / 2
                                                                         : left;
        const Index offset = done * group_size;
        const Index period = period_of(matrix, points + offset, now * group_size);
        const auto run = [&](auto evaluate_some) {
            evaluate_some(matrix, n, period, first_s, points, offset, values);
        };
        switch (now) {
            case 1:
                run(evaluate_groups<Zeros::kept, 1, Matrix>);
                break;
#if defined(__AVX2__)
            case 2:
                run(evaluate_groups<Zeros::kept, 2, Matrix>);
                break;
            case 3:
                run(evaluate_groups<Zeros::kept, 3, Matrix>);
                break;
#endif
#if defined(__AVX512F__)
            case 4:
                run(evaluate_groups<Zeros::kept, 4, Matrix>);
                break;
            case 5:
                run(evaluate_groups<Zeros::kept, 5, Matrix>);
                break;
            case 6:
                run(evaluate_groups<Zeros::kept, 6, Matrix>);
                break;
#endif
            default:
                break;
        }
        done += now;
    }
}

}  // namespace

void evaluate_bidiagonal(const double* q, const double* e, Index n, const double* points,
                         Index n_points, Zeros zeros, const SturmValues& values) {
    evaluate(Bidiagonal{q, e}, n, 1.0, points, n_points, zeros, values);
}

void evaluate_tridiagonal(const double* d, const double* squared_e, Index n, const double* points,
                          Index n_points, Zeros zeros, const SturmValues& values) {
    evaluate(Tridiagonal{d, squared_e}, n, 0.0, points, n_points, zeros, values);
}

void summarise_entries(const double* entries, Index n, EntrySummary& found) {
    Vec largest{}, smallest = splat(__builtin_inf()), not_a_number{};
    Index i = 0;
    for (; i + width <= n; i += width) {
        const Vec x = load(entries + i);
        largest = larger(absolute(x), largest);
        smallest = smaller(x, smallest);
        not_a_number += x - x;
    }
    found.largest = largest_of(largest);
    found.smallest = -largest_of(-smallest);
    double tail = sum_of(not_a_number);
    for (; i < n; ++i) {
        const double x = entries[i], magnitude = __builtin_fabs(x);
        found.largest = magnitude > found.largest ? magnitude : found.largest;
        found.smallest = x < found.smallest ? x : found.smallest;
        tail += x - x;
    }
    found.finite = tail == 0.0;
}

void scale_entries(const double* entries, Index n, double factor, double second_factor,
                   double floor, double* scaled) {
    Index i = 0;
    const Vec lowest = splat(floor);
    for (; i + width <= n; i += width) {
        store(scaled + i, larger(load(entries + i) * factor * second_factor, lowest));
    }
    for (; i < n; ++i) {
        const double x = entries[i] * factor * second_factor;
        scaled[i] = x > floor ? x : floor;
    }
}

}  // namespace htmu::HTMU_TARGET
