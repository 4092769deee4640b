#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "common/vector_functions.hpp"
#include "instruction_sets.hpp"

using namespace htmu;

namespace {

using Word = std::uint64_t;
using Words = std::vector<Word>;
using Numbers = std::vector<double>;

constexpr double infinity = std::numeric_limits<double>::infinity();

Word bits(double x) {
    return std::bit_cast<Word>(x);
}
double number(Word x) {
    return std::bit_cast<double>(x);
}

Index width() {
    return HTMU_DISPATCH(vector_width)();
}

/// The function applied to arrays of any length, the last vector filled up with its first element.
Words apply(VectorFunction function, const Words& a, const Words& b, const Words& c) {
    const auto n = static_cast<std::size_t>(width());
    Words result(a.size());
    for (std::size_t first = 0; first < a.size(); first += n) {
        Words x(n, a[first]), y(n, b[first]), z(n, c[first]), found(n);
        const std::size_t count = std::min(n, a.size() - first);
        for (std::size_t k = 0; k < count; ++k) {
            x[k] = a[first + k];
            y[k] = b[first + k];
            z[k] = c[first + k];
        }
        HTMU_DISPATCH(call_vector_function)
        (function, x.data(), y.data(), z.data(), found.data());
        for (std::size_t k = 0; k < count; ++k) result[first + k] = found[k];
    }
    return result;
}

/// Doubles of every kind, and many of every magnitude.
Words special_numbers() {
    Words result;
    for (const double x :
         {0.0, 1.0, 1.0 + 0x1p-52, 1.0 - 0x1p-53, 2.0, 3.0, 0.1, 0x1p-1022, 0x1.fffffffffffffp1023,
          5e-324, 0x0.fffffffffffffp-1022, infinity, double{NAN}, 1e300, 1e-300}) {
        result.push_back(bits(x));
        result.push_back(bits(-x));
    }
    return result;
}
Words random_words(unsigned seed, int n) {
    std::mt19937_64 generator(seed);
    Words result;
    for (int k = 0; k < n; ++k) result.push_back(generator());
    return result;
}

/// Every pair of special numbers, then random bits.
struct Operands {
    Words a, b, c;
    Operands() : a(random_words(1, 500)), b(random_words(2, 500)), c(random_words(3, 500)) {
        for (const Word x : special_numbers()) {
            for (const Word y : special_numbers()) {
                a.push_back(x);
                b.push_back(y);
                c.push_back(c[a.size() % 500]);
            }
        }
    }
};

using Scalar = std::function<Word(Word, Word, Word)>;

/// The same bits for every element that `applies`, one NaN being as good as another.
void check_elements(
    VectorFunction function, const Scalar& expected,
    const std::function<bool(double)>& applies = [](double) { return true; },
    bool result_is_double = true) {
    const Operands operands;
    for_each_instruction_set([&] {
        const Words found = apply(function, operands.a, operands.b, operands.c);
        int wrong = 0;
        for (std::size_t k = 0; k < found.size(); ++k) {
            if (!applies(number(operands.a[k]))) continue;
            const Word right = expected(operands.a[k], operands.b[k], operands.c[k]);
            const bool both_nan =
                result_is_double && std::isnan(number(found[k])) && std::isnan(number(right));
            wrong += found[k] != right && !both_nan ? 1 : 0;
        }
        CAPTURE(static_cast<int>(function));
        CHECK(wrong == 0);
    });
}

bool is_normal(double x) {
    return std::isnormal(x);
}

}  // namespace

TEST_CASE("vectors are as wide as the instruction set") {
    for_each_instruction_set([] {
        const Index expected[] = {2, 4, 8};
        CHECK(width() == expected[static_cast<int>(instruction_set())]);
    });
}

TEST_CASE("vector arithmetic has the bits of scalar arithmetic") {
    // One rounding where there is an instruction for it, two elsewhere.
    const auto fused = [](double x, double y, double z) {
        if (instruction_set() != InstructionSet::baseline) return std::fma(x, y, z);
        const double product = x * y;
        return product + z;
    };
    check_elements(VectorFunction::multiply_add, [&](Word a, Word b, Word c) {
        return bits(fused(number(a), number(b), number(c)));
    });
    check_elements(VectorFunction::multiply_subtract, [&](Word a, Word b, Word c) {
        return bits(fused(number(a), number(b), -number(c)));
    });
    check_elements(VectorFunction::subtract_product, [&](Word a, Word b, Word c) {
        return bits(fused(-number(b), number(c), number(a)));
    });
    check_elements(VectorFunction::square_root,
                   [](Word a, Word, Word) { return bits(std::sqrt(number(a))); });
}

TEST_CASE("signs, order and selection") {
    check_elements(VectorFunction::absolute,
                   [](Word a, Word, Word) { return bits(std::fabs(number(a))); });
    check_elements(VectorFunction::copy_sign,
                   [](Word a, Word b, Word) { return bits(std::copysign(number(a), number(b))); });
    // The second where one is NaN, and where they are equal: 0 and -0.
    check_elements(VectorFunction::larger,
                   [](Word a, Word b, Word) { return number(a) > number(b) ? a : b; });
    check_elements(VectorFunction::smaller,
                   [](Word a, Word b, Word) { return number(a) < number(b) ? a : b; });
    check_elements(VectorFunction::select_less,
                   [](Word a, Word b, Word c) { return number(a) < number(b) ? c : a; });
}

TEST_CASE("exponents and mantissas of normal numbers") {
    check_elements(
        VectorFunction::exponent_of,
        [](Word a, Word, Word) { return static_cast<Word>(std::int64_t{std::ilogb(number(a))}); },
        is_normal, false);
    check_elements(
        VectorFunction::mantissa_of,
        [](Word a, Word, Word) {
            return bits(std::scalbn(std::fabs(number(a)), -std::ilogb(number(a))));
        },
        is_normal);
}

TEST_CASE("estimated reciprocals and roots are as close as stated") {
    const Words a = random_words(4, 20'000);
    for_each_instruction_set([&] {
        const Words reciprocal = apply(VectorFunction::fast_reciprocal, a, a, a);
        const Words root = apply(VectorFunction::fast_square_root, a, a, a);
        double worst_reciprocal = 0.0, worst_root = 0.0;
        const auto error = [](long double found, long double exact) {
            const double unit = std::ldexp(1.0, std::ilogb(exact) - 52);
            return static_cast<double>(std::fabs(found - exact) / unit);
        };
        for (std::size_t k = 0; k < a.size(); ++k) {
            const double x = number(a[k]);
            const long double exact = 1.0L / x;
            if (!std::isnormal(x)) continue;
            if (std::isnormal(static_cast<double>(exact))) {
                worst_reciprocal = std::fmax(worst_reciprocal, error(number(reciprocal[k]), exact));
            }
            if (x > 0.0) {
                const long double exact_root = std::sqrt(static_cast<long double>(x));
                worst_root = std::fmax(worst_root, error(number(root[k]), exact_root));
            }
        }
        CHECK(worst_reciprocal <= 0.7);
        CHECK(worst_root <= 1.0);
    });
}

TEST_CASE("integers: conversion and products") {
    const auto as_signed = [](Word x) { return static_cast<std::int64_t>(x); };
    // Powers of two and their neighbours, where the rounding of large ones is seen.
    Words integers = random_words(5, 1000);
    for (int k = 0; k < 64; ++k) {
        for (const Word offset : {Word{0}, Word{1}, ~Word{0}}) {
            integers.push_back((Word{1} << k) + offset);
            integers.push_back(~(Word{1} << k) + offset);
        }
    }
    Words small;
    for (const Word integer : integers) {
        const std::int64_t fewer_bits = as_signed(integer) >> 12;
        small.push_back(static_cast<Word>(fewer_bits));
    }
    const auto check = [&](VectorFunction function, const Words& x) {
        const Words found = apply(function, x, x, x);
        int wrong = 0;
        for (std::size_t k = 0; k < x.size(); ++k) {
            wrong += found[k] != bits(static_cast<double>(as_signed(x[k]))) ? 1 : 0;
        }
        CHECK(wrong == 0);
    };
    for_each_instruction_set([&] {
        check(VectorFunction::rounded_doubles, integers);
        check(VectorFunction::as_doubles, small);
    });
    check_elements(
        VectorFunction::product_of_low_halves,
        [](Word a, Word b, Word) { return (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu); },
        [](double) { return true; }, false);
}

TEST_CASE("one value in every element, and their numbers") {
    for_each_instruction_set([] {
        const auto n = static_cast<std::size_t>(width());
        for (const double x : {1.5, -0.0, 1e-310}) {
            const Words a(n, bits(x));
            CHECK(apply(VectorFunction::splat_double, a, a, a) == a);
        }
        const Words a(n, ~Word{4});
        CHECK(apply(VectorFunction::splat_int, a, a, a) == a);
        CHECK(apply(VectorFunction::splat_word, a, a, a) == a);
        const Words lanes = apply(VectorFunction::lane_numbers, a, a, a);
        for (std::size_t k = 0; k < n; ++k) CHECK(lanes[k] == k);
    });
}

TEST_CASE("all elements in one") {
    for_each_instruction_set([] {
        const auto n = static_cast<std::size_t>(width());
        for (unsigned set = 0; set < 1u << n; ++set) {
            Numbers a(n), b(n, 0.5);
            double sum = 0.0, largest = -infinity;
            for (std::size_t k = 0; k < n; ++k) {
                a[k] = (set >> k & 1u) != 0 ? -0.1 * static_cast<double>(k + 1) : 1.0 / 3.0 + 1.0;
                sum += a[k];
                largest = std::fmax(largest, a[k]);
            }
            const Reductions found = HTMU_DISPATCH(call_reductions)(a.data(), b.data());
            CHECK(found.mask_bits_less == set);
            CHECK(found.less_bits == set);
            CHECK(found.any_of_less == (set != 0));
            CHECK(found.any_less == (set != 0));
            CHECK(found.sum == sum);
            CHECK(found.largest == largest);
        }
        const Numbers nan(n, NAN), one(n, 1.0);
        const Reductions unordered = HTMU_DISPATCH(call_reductions)(nan.data(), one.data());
        CHECK(!unordered.any_less);
        CHECK(unordered.mask_bits_less == 0);
        CHECK(unordered.less_bits == 0);
    });
}

TEST_CASE("loads and stores, whole and in part, touch nothing else") {
    for_each_instruction_set([] {
        const auto n = static_cast<std::size_t>(width());
        Numbers from(n + 2), to(n + 2, -1.0);
        for (std::size_t k = 0; k < from.size(); ++k) from[k] = 10.0 + static_cast<double>(k);
        // Not aligned.
        HTMU_DISPATCH(call_load_and_store)(from.data() + 1, to.data() + 1);
        for (std::size_t k = 0; k < n; ++k) CHECK(to[k + 1] == from[k + 1]);
        CHECK(to.front() == -1.0);
        CHECK(to.back() == -1.0);
        for (std::size_t count = 0; count <= n + 1; ++count) {
            CAPTURE(count);
            // A copy of its own size, so that a sanitizer sees a read or a write beyond it.
            const Numbers part(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count));
            Numbers loaded(n), stored(std::min(count, n));
            HTMU_DISPATCH(call_load_first)(part.data(), static_cast<Index>(count), loaded.data());
            HTMU_DISPATCH(call_store_first)
            (from.data(), static_cast<Index>(count), stored.data());
            for (std::size_t k = 0; k < n; ++k) CHECK(loaded[k] == (k < count ? from[k] : 0.0));
            for (std::size_t k = 0; k < stored.size(); ++k) CHECK(stored[k] == from[k]);
        }
    });
}

TEST_CASE("gathers and scatters where a mask is set") {
    for_each_instruction_set([] {
        const auto n = static_cast<std::size_t>(width());
        Numbers memory(64);
        for (std::size_t k = 0; k < memory.size(); ++k) memory[k] = 100.0 + static_cast<double>(k);
        std::vector<std::int64_t> index(n);
        Numbers otherwise(n), found(n);
        for (std::size_t k = 0; k < n; ++k) {
            index[k] = static_cast<std::int64_t>((k * 37 + 11) % 64);
            otherwise[k] = -static_cast<double>(k);
        }
        const auto at = [&](std::size_t k) { return static_cast<std::size_t>(index[k]); };
        HTMU_DISPATCH(call_gather)(memory.data(), index.data(), found.data());
        for (std::size_t k = 0; k < n; ++k) CHECK(found[k] == memory[at(k)]);
        for (unsigned set = 0; set < 1u << n; ++set) {
            HTMU_DISPATCH(call_gather_where)
            (set, memory.data(), index.data(), otherwise.data(), found.data());
            Numbers expected = memory, scattered = memory;
            HTMU_DISPATCH(call_scatter_where)
            (set, scattered.data(), index.data(), otherwise.data());
            for (std::size_t k = 0; k < n; ++k) {
                const bool wanted = (set >> k & 1u) != 0;
                CHECK(found[k] == (wanted ? memory[at(k)] : otherwise[k]));
                if (wanted) expected[at(k)] = otherwise[k];
            }
            CHECK(scattered == expected);
        }
    });
}

TEST_CASE("lists of positions") {
    for_each_instruction_set([] {
        const auto n = static_cast<std::size_t>(width());
        std::vector<std::uint32_t> from(8);
        for (std::size_t k = 0; k < 8; ++k) from[k] = 4'000'000'000u + static_cast<unsigned>(7 * k);
        std::vector<std::int64_t> widened(n);
        HTMU_DISPATCH(call_load_positions)(from.data(), widened.data());
        for (std::size_t k = 0; k < n; ++k) CHECK(widened[k] == std::int64_t{from[k]});
        for (unsigned set = 0; set < 1u << n; ++set) {
            std::vector<std::uint32_t> selected(32, 5), positions(32, 5), expected(3, 5),
                counted(3, 5);
            for (std::size_t k = 0; k < n; ++k) {
                if ((set >> k & 1u) == 0) continue;
                expected.push_back(from[k]);
                counted.push_back(1000 + static_cast<std::uint32_t>(k));
            }
            const Index size =
                HTMU_DISPATCH(call_append_selected)(selected.data(), 3, from.data(), set);
            CHECK(size == static_cast<Index>(expected.size()));
            CHECK(HTMU_DISPATCH(call_append_positions)(positions.data(), 3, 1000, set) == size);
            selected.resize(expected.size());
            positions.resize(expected.size());
            CHECK(selected == expected);
            CHECK(positions == counted);
        }
    });
}
