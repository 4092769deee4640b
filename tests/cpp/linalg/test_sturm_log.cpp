#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/sturm.hpp"
#include "linalg/reference_sturm.hpp"

using namespace htmu;
using reference_sturm::for_every_instruction_set;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr long double log_2 = 0.693147180559945309417232121458176568L;
using Values = std::vector<double>;

Values log_eigenvalues(const Values& log_q, const Values& log_e) {
    SturmWorkspace workspace;
    Values found(log_q.size());
    log_bidiagonal_eigenvalues(log_q, log_e, {}, workspace, found);
    return found;
}

double error_of(double found, long double exact) {
    return static_cast<double>(std::fabs(found - exact) / std::max(1.0L, std::fabs(exact)));
}

/// mantissa * 2^exponent in long double.
struct Number {
    long double mantissa;
    long exponent;
};

Number normal(long double mantissa, long exponent) {
    if (mantissa == 0.0L) return {0.0L, -(1L << 50)};
    int shift = 0;
    mantissa = std::frexp(mantissa, &shift);
    return {mantissa, exponent + shift};
}
Number product(Number a, Number b) {
    return normal(a.mantissa * b.mantissa, a.exponent + b.exponent);
}
Number difference(Number a, Number b) {
    const long top = std::max(a.exponent, b.exponent);
    const auto shifted = [&](Number x) {
        return x.exponent < top - 200 ? 0.0L
                                      : std::ldexp(x.mantissa, static_cast<int>(x.exponent - top));
    };
    return normal(shifted(a) - shifted(b), top);
}
Number exponential(long double logarithm) {
    if (std::isinf(logarithm)) return normal(0.0L, 0);
    const long double exponent = std::floor(logarithm / log_2);
    return normal(std::exp(logarithm - exponent * log_2), static_cast<long>(exponent));
}

/// Eigenvalues below exp(log_x), in long double with separate exponents.
Index count(const Values& log_q, const Values& log_e, long double log_x) {
    const Number x = exponential(log_x);
    Number p = normal(1.0L, 0), s = p;
    auto below = static_cast<Index>(log_q.size());
    bool negative = false;
    for (std::size_t i = 0; i < log_q.size(); ++i) {
        p = difference(product(x, s), product(exponential(log_q[i]), p));
        if (i < log_e.size()) s = difference(p, product(exponential(log_e[i]), s));
        if ((p.mantissa < 0.0L) != negative) --below;
        negative = p.mantissa < 0.0L;
    }
    return below;
}

Values uniform(std::size_t n, double low, double high, std::mt19937_64& generator) {
    std::uniform_real_distribution<> distribution(low, high);
    Values values(n);
    for (double& value : values) value = distribution(generator);
    return values;
}

}  // namespace

TEST_CASE("one and two rows by the closed form") {
    for_every_instruction_set([&] {
        for (const double a : {-11513.0, -1e6, -700.5, -3.0, 800.0}) {
            CHECK(error_of(log_eigenvalues({a}, {})[0], a) < 4e-16);
            for (const double b : {-11513.0, -2e6, 0.0}) {
                for (const double c : {-11000.0, -500.0, 0.0, 1e5}) {
                    // Trace t = A + B + C and determinant A B, without cancellation.
                    const long double top = std::max({a, b, c});
                    const long double t = std::exp(a - top) + std::exp(b - top) + std::exp(c - top);
                    const long double r = 4.0L * std::exp((a - top) + (b - top)) / (t * t);
                    const long double high =
                        top + std::log(0.5L * t * (1.0L + std::sqrt(1.0L - r)));
                    const long double low = static_cast<long double>(a) + b - high;
                    const Values found = log_eigenvalues({a, b}, {c});
                    CHECK(error_of(found[0], low) < 1e-15);
                    CHECK(error_of(found[1], high) < 1e-15);
                }
            }
        }
    });
}

TEST_CASE("every eigenvalue lies where long double counts put it; products are determinants") {
    std::mt19937_64 generator(31);
    for (const double range : {50.0, 1000.0, 1e5, 1e8}) {
        const Values log_q = uniform(50, -range, 0.0, generator);
        const Values log_e = uniform(49, -range, 0.0, generator);
        long double log_determinant = 0.0L;
        for (const double value : log_q) log_determinant += value;
        for_every_instruction_set([&] {
            const Values found = log_eigenvalues(log_q, log_e);
            long double sum = 0.0L;
            for (std::size_t i = 0; i < found.size(); ++i) {
                const long double margin = 2e-15L * std::max(1.0, std::fabs(found[i]));
                CHECK(count(log_q, log_e, found[i] - margin) <= static_cast<Index>(i));
                CHECK(count(log_q, log_e, found[i] + margin) > static_cast<Index>(i));
                sum += found[i];
            }
            CHECK(std::fabs(sum / log_determinant - 1.0L) < 1e-15L);
            CHECK(std::is_sorted(found.begin(), found.end()));
        });
    }
}

TEST_CASE("logarithms agree with the plain eigenvalues where both apply") {
    std::mt19937_64 generator(32);
    for (const double a : {-0.9, 0.0}) {
        const auto matrix = reference_sturm::laguerre(120, 0.5, a, generator);
        const auto exact = reference_sturm::eigenvalues(matrix);
        Values log_q, log_e;
        for (const double q : matrix.q) log_q.push_back(std::log(q));
        for (const double e : matrix.e) log_e.push_back(std::log(e));
        for_every_instruction_set([&] {
            const Values found = log_eigenvalues(log_q, log_e);
            for (std::size_t i = 0; i < found.size(); ++i) {
                // The logarithms of the entries are rounded, each to 1e-16 of its size.
                CHECK(error_of(found[i], std::log(exact[i])) < 2e-14);
            }
            // A common factor of 1e-5000 or 1e5000 shifts every logarithm.
            for (const double shift : {-11513.0, 11513.0}) {
                Values shifted_q = log_q, shifted_e = log_e;
                for (double& value : shifted_q) value += shift;
                for (double& value : shifted_e) value += shift;
                const Values shifted = log_eigenvalues(shifted_q, shifted_e);
                for (std::size_t i = 0; i < found.size(); ++i) {
                    CHECK(std::fabs(shifted[i] - shift - found[i]) < 1e-10);
                }
            }
        });
    }
}

TEST_CASE("zero entries: exact zeros have the logarithm -infinity") {
    std::mt19937_64 generator(33);
    for (const double range : {10.0, 3000.0, 1e6}) {
        Values log_q = uniform(40, -range, 0.0, generator);
        Values log_e = uniform(39, -range, 0.0, generator);
        log_e[8] = log_e[20] = -infinity;   // three blocks
        log_q[3] = -infinity;               // a zero eigenvalue of the first block
        log_q[30] = log_q[31] = -infinity;  // two in a row: two zero eigenvalues of the third
        log_e[30] = -infinity;
        for_every_instruction_set([&] {
            const Values found = log_eigenvalues(log_q, log_e);
            CHECK(found[0] == -infinity);
            CHECK(found[1] == -infinity);
            CHECK(found[2] == -infinity);
            for (std::size_t i = 3; i < found.size(); ++i) {
                const long double margin = 2e-15L * std::max(1.0, std::fabs(found[i]));
                CHECK(count(log_q, log_e, found[i] - margin) <= static_cast<Index>(i));
                CHECK(count(log_q, log_e, found[i] + margin) > static_cast<Index>(i));
            }
        });
    }
    const Values nothing(5, -infinity);
    CHECK(log_eigenvalues(nothing, Values(4, -infinity)) == nothing);
    CHECK(log_eigenvalues({}, {}).empty());
}

TEST_CASE("diagonal and repeated entries far below the range of doubles") {
    const Values log_q{-20000.0, -12000.0, -12000.0, -5.0, -12000.0}, log_e(4, -infinity);
    Values sorted = log_q;
    std::sort(sorted.begin(), sorted.end());
    for_every_instruction_set([&] {
        const Values found = log_eigenvalues(log_q, log_e);
        for (std::size_t i = 0; i < found.size(); ++i) CHECK(error_of(found[i], sorted[i]) < 1e-15);
    });
}

TEST_CASE("logarithms that cannot be are refused") {
    SturmWorkspace workspace;
    Values found(2);
    const auto solve = [&](const Values& log_q, const Values& log_e) {
        log_bidiagonal_eigenvalues(log_q, log_e, {}, workspace, found);
    };
    CHECK_THROWS_AS(solve({0.0, NAN}, {0.0}), NonFinite);
    CHECK_THROWS_AS(solve({0.0, infinity}, {0.0}), NonFinite);
    CHECK_THROWS_AS(solve({0.0, 0.0}, {-1e10}), NonFinite);
    CHECK_THROWS_AS(solve({0.0, 0.0}, {}), InvalidInput);
    CHECK_THROWS_AS(solve({0.0}, {}), InvalidInput);
}
