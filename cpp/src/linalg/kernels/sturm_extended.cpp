// The Sturm sequence of kernels/sturm.cpp for a bidiagonal matrix whose squared entries are given
// as mantissa * 2^exponent with exponents of any size. p and s carry an exponent each: their ratio
// leaves the range of doubles too, and which of the products in p = x s - q p and s = p - e s
// prevails depends on both.

#include "htmu/linalg/sturm_kernels.hpp"
#include "sturm_signs.hpp"

namespace htmu::HTMU_TARGET {
namespace {

/// Exponent of an exact zero: below that of every other number.
constexpr double exponent_of_zero = -0x1p50;

struct Extended {
    Vec mantissa;
    Vec exponent;  ///< an integer
};

/// 2^exponent for integers in [-1022, 1023].
HTMU_INLINE Vec power_of_two(Vec exponent) {
    constexpr double bias = 6755399441055744.0 + 1023.0;  // 1.5 * 2^52: integers in the low bits
    return bits_as<Vec>(bits_as<WordVec>(exponent + bias) << 52);
}

/// a b - c d, normalised to a mantissa in [1, 2) or an exact zero. A product smaller than the other
/// one by 2^-1000 leaves no trace.
HTMU_INLINE Extended difference(Extended a, Extended b, Extended c, Extended d) {
    const Vec first = a.exponent + b.exponent, second = c.exponent + d.exponent;
    const Vec top = larger(first, second), least = splat(-1000.0);
    const Vec subtracted = c.mantissa * power_of_two(larger(second - top, least)) * d.mantissa;
    const Vec sum = multiply_subtract(a.mantissa * power_of_two(larger(first - top, least)),
                                      b.mantissa, subtracted);
    const IntVec exponent = exponent_of(sum);
    const Vec factor = bits_as<Vec>((1023 - exponent) << 52);
    const Vec total = top + as_doubles(exponent);
    return {sum * factor, sum == splat(0.0) ? splat(exponent_of_zero) : total};
}

HTMU_INLINE Extended entry(const ExtendedValues& values, Index i) {
    return {splat(values.mantissa[i]), splat(values.exponent[i])};
}

/// x where it is not 0, else `instead` times 2^-53.
HTMU_INLINE Extended mended(Extended x, Extended instead) {
    const auto zero = x.mantissa == Vec{};
    return {zero ? instead.mantissa : x.mantissa, zero ? instead.exponent - 53.0 : x.exponent};
}

template <Zeros zeros, int groups>
void evaluate_groups(const ExtendedValues& q, const ExtendedValues& e, Index n,
                     const ExtendedValues& points, Index offset, const SturmValues& values) {
    constexpr int parts = groups * group_parts;
    const Extended one{splat(1.0), splat(0.0)};
    Extended x[parts], p[parts], s[parts];
    IntVec changes[parts];
    SignBytes signs[groups];
    HTMU_UNROLL
    for (int k = 0; k < parts; ++k) {
        const Index at = offset + k * width;
        x[k] = {load(points.mantissa + at), load(points.exponent + at)};
        p[k] = s[k] = one;
        changes[k] = IntVec{};
    }
    for (int g = 0; g < groups; ++g) signs[g].previous[7] = 0;

    for (Index begin = 0; begin < n; begin += sign_steps) {
        const Index steps = n - begin < sign_steps ? n - begin : sign_steps;
        for (Index i = 0; i < steps; ++i) {
            const Extended q_i = entry(q, begin + i), e_i = entry(e, begin + i);
            Vec mantissas[parts];
            HTMU_UNROLL
            for (int k = 0; k < parts; ++k) {
                p[k] = difference(x[k], s[k], q_i, p[k]);
                if (zeros == Zeros::mended) {
                    p[k] = mended(p[k], {-s[k].mantissa, x[k].exponent + s[k].exponent});
                }
                s[k] = difference(one, p[k], e_i, s[k]);
                if (zeros == Zeros::mended) s[k] = mended(s[k], p[k]);
                mantissas[k] = p[k].mantissa;
            }
            HTMU_UNROLL
            for (int g = 0; g < groups; ++g) {
                store_signs(signs[g].bytes + i, mantissas + g * group_parts);
            }
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
        store(values.mantissa + at, p[k].mantissa);
        store(values.exponent + at, p[k].exponent);
        __builtin_memcpy(values.below + at, &below, sizeof(below));
    }
}

}  // namespace

void evaluate_extended(const ExtendedValues& q, const ExtendedValues& e, Index n,
                       const ExtendedValues& points, Index n_points, Zeros zeros,
                       const SturmValues& values) {
    // Side by side, groups hide the latency of about 90 cycles a step, as far as the registers
    // reach.
    constexpr Index most = width == 8 ? 4 : width == 4 ? 2 : 1;
    const Index all_groups = n_points / group_size;
    if (zeros == Zeros::mended) {
        for (Index group = 0; group < all_groups; ++group) {
            evaluate_groups<Zeros::mended, 1>(q, e, n, points, group * group_size, values);
        }
        return;
    }
    for (Index done = 0; done < all_groups;) {
        const Index left = all_groups - done, offset = done * group_size;
        if (most == 4 && left >= 4) {
            evaluate_groups<Zeros::kept, 4>(q, e, n, points, offset, values);
            done += 4;
        } else if (most >= 2 && left >= 2) {
            evaluate_groups<Zeros::kept, 2>(q, e, n, points, offset, values);
            done += 2;
        } else {
            evaluate_groups<Zeros::kept, 1>(q, e, n, points, offset, values);
            done += 1;
        }
    }
}

}  // namespace htmu::HTMU_TARGET
