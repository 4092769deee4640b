#pragma once

#include "htmu/common/vectors.hpp"

// Products of |x_i - x_j| over many pairs. A pair costs a subtraction and a multiplication: the
// values are scaled by a power of two so that no difference exceeds 1, the differences are
// multiplied up in several independent chains, and after `chunk` of them the exponent of each
// chain is added to an integer sum. As long as no factor exceeds 1, a partial product is at least
// the final one, so a product found above `trusted` never lost a bit to underflow. The few strips
// of pairs where that fails are done again with the exponent taken out of each difference.
//
// A factor is rounded twice, by half an eps each, so the sum of logarithms is off by at most eps a
// pair, and by about eps sqrt(pairs) in practice.

namespace htmu::HTMU_TARGET {
namespace {

constexpr int chains = 8;  // hide the latency of a multiplication
constexpr Index chunk = 16;
constexpr double trusted = 0x1p-900;  // 2^-1022, and room for products that start above 1
constexpr double smallest_normal = 0x1p-1022;
constexpr double infinity = __builtin_inf();

HTMU_INLINE Index least(Index a, Index b) {
    return a < b ? a : b;
}
/// Number of pairs of a value in [first, last) with any later one below n.
HTMU_INLINE std::int64_t pairs_from(Index first, Index last, Index n) {
    return (last - first) * (2 * n - first - last - 1) / 2;
}
HTMU_INLINE Vec power_of_two(IntVec exponent) {
    return bits_as<Vec>((exponent + 1023) << 52);
}

/// All lanes in one by an operation, in a tree, so that few wait for one another.
template <class Element, class Vector, class Operation>
HTMU_INLINE Element folded_lanes(Vector x, Operation operation) {
    Element lane[width];
    for (int k = 0; k < width; ++k) lane[k] = x[k];
    for (int n = width / 2; n > 0; n /= 2) {
        for (int k = 0; k < n; ++k) lane[k] = operation(lane[k], lane[k + n]);
    }
    return lane[0];
}

HTMU_INLINE WordVec biased_exponent(Vec x) {
    return bits_as<WordVec>(absolute(x)) >> 52;
}

/// |product| = mantissa 2^exponent with 1 <= mantissa < 2, or 0 where `zero`.
struct WideProduct {
    Vec mantissa = splat(1.0);
    IntVec exponent{};
    IntVec zero{};

    HTMU_MEMBER void multiply(const WideProduct& by) {
        mantissa *= by.mantissa;
        exponent += by.exponent + exponent_of(mantissa);
        mantissa = mantissa_of(mantissa);
        zero |= by.zero;
    }
};

/// What a scan of the values gives: the power of two 2^shift that brings their magnitude below 1/2
/// (below 4 for the largest doubles, whose factor would be subnormal); and 0, or NaN where a value
/// is not finite.
struct Range {
    Vec largest{};
    Vec zero_or_nan{};

    HTMU_MEMBER void extend(Vec x) {
        largest = larger(absolute(x), largest);
        zero_or_nan = multiply_add(x, Vec{}, zero_or_nan);
    }
    /// The largest of all lanes in every lane.
    HTMU_MEMBER Range of_all_lanes() const {
        return {
            splat(folded_lanes<double>(largest, [](double a, double b) { return a > b ? a : b; })),
            splat(folded_lanes<double>(zero_or_nan, [](double a, double b) { return a + b; }))};
    }
    HTMU_MEMBER IntVec shift() const {
        const IntVec wanted = -2 - exponent_of(largest);
        return wanted < -1022 ? splat(std::int64_t{-1022}) : wanted;
    }
};

/// Running products of differences, one a lane in each chain. With `careful` they hold for any
/// finite values; otherwise where `smallest` is not below `trusted`.
template <bool careful>
struct PairProduct {
    Vec scale;
    Vec partial[chains];
    Vec smallest = splat(1.0);
    IntVec zero{};
    WordVec exponents{};
    std::int64_t bias = 0;  // of the exponents
    Index n_factors = 0;    // in the longest chain, since the exponents were last taken out

    explicit HTMU_MEMBER PairProduct(Vec scale_) : scale(scale_) {
        for (int k = 0; k < chains; ++k) partial[k] = splat(1.0);
    }

    HTMU_MEMBER Vec prepared(Vec x) const { return careful ? x : x * scale; }

    /// Multiplies chain k by a - b, two prepared values.
    HTMU_MEMBER void multiply(int k, Vec a, Vec b) {
        Vec difference = a - b;
        if constexpr (careful) {
            WordVec exponent = biased_exponent(difference);
            // 0, subnormal, or beyond the largest double.
            if (__builtin_expect(any(bits_as<IntVec>(exponent - 1 >= splat(std::uint64_t{2046}))),
                                 0)) {
                exponent = repaired(difference, a, b);
            }
            exponents += exponent;
            bias += 1023;
            difference = mantissa_of(difference);
        }
        partial[k] *= difference;
    }

    /// The biased exponent of a - b; `difference` becomes a normal number with its mantissa.
    HTMU_MEMBER WordVec repaired(Vec& difference, Vec a, Vec b) {
        const IntVec beyond = absolute(difference) == infinity;
        difference = beyond ? 0.5 * a - 0.5 * b : difference;
        const IntVec subnormal = absolute(difference) < smallest_normal;
        difference = subnormal ? difference * 0x1p54 : difference;
        zero |= difference == 0.0;
        return biased_exponent(difference) - bits_as<WordVec>(beyond + (subnormal & 54));
    }

    /// Takes the exponents out if the chains cannot be multiplied by so many more factors each.
    HTMU_MEMBER void reserve(Index factors) {
        if (n_factors + factors > chunk) take_exponents();
        n_factors += factors;
    }

    HTMU_MEMBER void take_exponents() {
        for (int k = 0; k < chains; ++k) take_exponent(partial[k]);
        n_factors = 0;
    }

    HTMU_MEMBER void take_exponent(Vec& product) {
        const Vec magnitude = absolute(product);
        smallest = smaller(magnitude, smallest);
        exponents += bits_as<WordVec>(magnitude) >> 52;
        bias += 1023;
        product = mantissa_of(magnitude);
    }

    /// The product of all chains. Chains that leave room are multiplied before their exponents are
    /// taken out, which is most of the cost where the pairs are few.
    HTMU_MEMBER WideProduct finish() {
        Vec rest[chains];
        for (int k = 0; k < chains; ++k) rest[k] = partial[k];
        int n_rest = chains;
        for (; n_rest > 1 && 2 * n_factors <= chunk; n_factors *= 2) {
            n_rest /= 2;
            for (int k = 0; k < n_rest; ++k) rest[k] *= rest[k + n_rest];
        }
        for (int k = 0; k < n_rest; ++k) take_exponent(rest[k]);
        Vec product = rest[0];
        for (int k = 1; k < n_rest; ++k) product *= rest[k];
        return {mantissa_of(product), bits_as<IntVec>(exponents) - bias + exponent_of(product),
                zero};
    }
};

/// log(mantissa 2^exponent) to 1 ulp or so, by the method of FDLIBM's log: with f = m - 1,
/// s = f / (2 + f), log m = f - f^2/2 + s (f^2/2 + R(s^2)), sqrt(1/2) <= m < sqrt(2).
HTMU_INLINE Vec log_of(const WideProduct& x) {
    constexpr double log_2_high = 6.93147180369123816490e-01;  // 32 bits: times an exponent, exact
    constexpr double log_2_low = 1.90821492927058770002e-10;
    const IntVec upper = x.mantissa > 1.4142135623730951;
    const Vec f = (upper ? 0.5 * x.mantissa : x.mantissa) - 1.0;
    const Vec e = as_doubles(x.exponent - upper);
    const Vec s = f / (2.0 + f);
    const Vec z = s * s;
    Vec r = splat(1.479819860511658591e-01);
    r = multiply_add(r, z, splat(1.531383769920937332e-01));
    r = multiply_add(r, z, splat(1.818357216161805012e-01));
    r = multiply_add(r, z, splat(2.222219843214978396e-01));
    r = multiply_add(r, z, splat(2.857142874366239149e-01));
    r = multiply_add(r, z, splat(3.999999999940941908e-01));
    r = multiply_add(r, z, splat(6.666666666666735130e-01));
    r *= z;
    const Vec half_square = 0.5 * f * f;
    return e * log_2_high - ((half_square - (s * (half_square + r) + e * log_2_low)) - f);
}

}  // namespace
}  // namespace htmu::HTMU_TARGET
