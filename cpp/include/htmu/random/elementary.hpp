#pragma once

#include <cstdint>

// Logarithm and exponential from +, -, *, / and bit operations alone, each rounded by itself: the
// same bits on every processor, for a double as for each element of a vector. The C library's
// functions differ between versions and between processors with and without FMA.
//
// `Real` is double and `Word` std::uint64_t, or both are vectors of these of equal length.

namespace htmu {

namespace elementary {

template <class To, class From>
[[gnu::always_inline]] static inline To as(From from) noexcept {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    __builtin_memcpy(&to, &from, sizeof(to));
    return to;
}

inline constexpr double ln2_high = 0x1.62e42feep-1;  // 33 bits: its product with k is exact
inline constexpr double ln2_low = 0x1.a39ef35793c76p-33;

}  // namespace elementary

/// log x = high - low for positive normal x, to 1e-16 whatever the size of x: |low| < 0.36.
/// With x = 2^k m, sqrt(1/2) <= m < sqrt(2), and s = (m - 1) / (m + 1), log m = 2 atanh s; its odd
/// part beyond the first term is a minimax polynomial of degree 14, to 2^-58.45.
/// Source: Sun Microsystems, fdlibm 5.3, e_log.c.
template <class Real, class Word>
[[gnu::always_inline]] static inline void portable_log_parts(Real x, Real& high,
                                                             Real& low) noexcept {
    using elementary::as;
    constexpr std::uint64_t root_half = 0x3FE6A09E00000000u;  // bits of sqrt(1/2), roughly
    constexpr std::uint64_t one = 0x3FF0000000000000u;
    constexpr std::uint64_t mantissa = 0x000FFFFFFFFFFFFFu;
    const Word shifted = as<Word>(x) + (one - root_half);
    // 2^52 + 1023 + k, whose last bits are the biased exponent
    const Real k = as<Real>((shifted >> 52) | 0x4330000000000000u) - 4503599627371519.0;
    const Real f = as<Real>((shifted & mantissa) + root_half) - 1.0;
    const Real half_square = 0.5 * f * f;
    const Real s = f / (2.0 + f);
    const Real z = s * s;
    const Real w = z * z;
    const Real even = w * (3.999999999940941908e-01 +
                           w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    const Real odd = z * (6.666666666666735130e-01 +
                          w * (2.857142874366239149e-01 +
                               w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
    const Real rest = s * (half_square + (even + odd)) + k * elementary::ln2_low;
    high = k * elementary::ln2_high;
    low = (half_square - rest) - f;
}

/// log x for positive normal x; error below 1 ulp.
template <class Real, class Word>
[[nodiscard, gnu::always_inline]] static inline Real portable_log(Real x) noexcept {
    Real high, low;
    portable_log_parts<Real, Word>(x, high, low);
    return high - low;
}

/// exp x for x <= 709, subnormal results and 0 included; error below 1 ulp, half a unit more where
/// the result is subnormal.
/// With x = k log 2 + r, |r| <= log(2)/2, and c = r - r^2 P(r^2), exp r = 1 + r + r c / (2 - c),
/// P a minimax polynomial of degree 4, to 2^-59.
/// Source: Sun Microsystems, fdlibm 5.3, e_exp.c.
template <class Real, class Word>
[[nodiscard, gnu::always_inline]] static inline Real portable_exp(Real x) noexcept {
    using elementary::as;
    constexpr double integers = 6755399441055744.0;  // 1.5 2^52: adding it rounds to an integer
    constexpr std::uint64_t integer_bits = 0x4338000000000000u;
    // Below it the result rounds to 0; it is put in at the end, as underflow is slow.
    constexpr double least = -745.14;
    const Real bounded = x < least ? Real{} : x;
    const Real rounded = bounded * 1.4426950408889634 + integers;
    const Real k = rounded - integers;
    const Real high = bounded - k * elementary::ln2_high;
    const Real low = k * elementary::ln2_low;
    const Real r = high - low;
    const Real t = r * r;
    const Real c =
        r - t * (1.66666666666666019037e-01 +
                 t * (-2.77777777770155933842e-03 +
                      t * (6.61375632143793436117e-05 +
                           t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))));
    const Real y = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
    // y 2^k by two powers of 2, the first product exact: one rounding although 2^k may underflow.
    const Word shifted = as<Word>(rounded) - (integer_bits - 2048);  // k + 2048
    const Word half = shifted >> 1;
    const Real scaled = y * as<Real>((half - 1) << 52) * as<Real>((shifted - half - 1) << 52);
    return x < least ? Real{} : scaled;
}

/// log x for positive normal x, error below 1 ulp.
[[nodiscard]] inline double portable_log(double x) noexcept {
    return portable_log<double, std::uint64_t>(x);
}

/// exp x for x <= 709, error below 1 ulp.
[[nodiscard]] inline double portable_exp(double x) noexcept {
    return portable_exp<double, std::uint64_t>(x);
}

}  // namespace htmu
