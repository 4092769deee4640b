#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "htmu/common/errors.hpp"
#include "htmu/common/lockstep.hpp"
#include "htmu/random/fill.hpp"
#include "htmu/random/gamma_table.hpp"
#include "instruction_sets.hpp"

using namespace htmu;

namespace {

constexpr GammaForm forms[] = {GammaForm::value, GammaForm::square_root, GammaForm::logarithm};

/// Positions where the bits differ.
template <class Expected>
Index mismatches(const std::vector<double>& found, const Expected& expected) {
    Index count = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        const double other = expected(i);
        count += std::memcmp(&found[i], &other, sizeof(double)) != 0;
    }
    return count;
}

/// Bits of fill(out) against draw(stream, i) from stream first + i.
template <class Fill, class Draw>
void check_bits(std::size_t size, std::uint64_t first, const Fill& fill, const Draw& draw) {
    const StreamKey key(77, Purpose::variates);
    std::vector<double> expected(size);
    for (std::size_t i = 0; i < size; ++i) {
        Stream stream(key, first + i, 0);
        expected[i] = draw(stream, i);
    }
    for_each_instruction_set([&] {
        std::vector<double> found(size, -7.0);
        fill(key, found);
        CHECK(mismatches(found, [&](std::size_t i) { return expected[i]; }) == 0);
    });
}

}  // namespace

TEST_CASE("arrays of variates have the bits of the scalar code on every instruction set") {
    constexpr std::size_t size = 1000003;
    check_bits(
        size, 3, [](StreamKey key, Span out) { fill_normal(key, 3, out); },
        [](Stream& s, std::size_t) { return normal_variate(s); });
    check_bits(
        size, 3, [](StreamKey key, Span out) { fill_exponential(key, 3, out); },
        [](Stream& s, std::size_t) { return exponential_variate(s); });
}

TEST_CASE("arrays of Gamma variates of one shape have the bits of the scalar code") {
    for (const double shape : {1e-300, 1e-6, 1e-3, 0.01, 0.3, 0.5, 0.999999, 1.0, 1.01, 1.5, 2.0,
                               3.7, 10.0, 100.0, 1e3, 1e5, 1e12}) {
        CAPTURE(shape);
        const GammaLaw law(shape);
        for (const GammaForm form : forms) {
            check_bits(
                100021, 1, [&](StreamKey key, Span out) { fill_gamma(key, 1, shape, form, out); },
                [&](Stream& s, std::size_t) { return law.draw(form, s); });
        }
        check_bits(
            3001, 1, [&](StreamKey key, Span out) { fill_chi(key, 1, shape, out); },
            [&](Stream& s, std::size_t) { return chi_variate(s, shape); });
    }
}

TEST_CASE("arrays of Gamma variates of mixed shapes have the bits of the scalar code") {
    constexpr std::size_t size = 200003;
    std::vector<double> shapes(size);
    Stream stream(StreamKey(4, Purpose::variates), 0, 0);
    for (double& shape : shapes) shape = std::pow(10.0, -6.0 + 11.0 * stream.uniform());
    for (const GammaForm form : forms) {
        check_bits(
            size, 1, [&](StreamKey key, Span out) { fill_gamma(key, 1, shapes, form, out, 0.7); },
            [&](Stream& s, std::size_t i) {
                const double drawn = GammaLaw(shapes[i]).draw(form, s);
                return form == GammaForm::logarithm ? drawn + portable_log(0.7) : 0.7 * drawn;
            });
    }
    check_bits(
        size, 1, [&](StreamKey key, Span out) { fill_chi(key, 1, shapes, out); },
        [&](Stream& s, std::size_t i) { return chi_variate(s, shapes[i]); });
}

TEST_CASE("arrays of any length, and across the upper half of the matrix number") {
    for (const std::uint64_t first : {0ull, (1ull << 32) - 1017, ~0ull - 500, ~0ull << 32}) {
        for (std::size_t size : {0, 1, 2, 7, 8, 9, 31, 32, 33, 63, 1023, 1024, 1025, 2085}) {
            const std::vector<double> shapes(size, 0.8);
            check_bits(
                size, first, [&](StreamKey key, Span out) { fill_normal(key, first, out); },
                [](Stream& s, std::size_t) { return normal_variate(s); });
            check_bits(
                size, first, [&](StreamKey key, Span out) { fill_exponential(key, first, out); },
                [](Stream& s, std::size_t) { return exponential_variate(s); });
            check_bits(
                size, first,
                [&](StreamKey key, Span out) {
                    fill_gamma(key, first, shapes, GammaForm::value, out);
                },
                [](Stream& s, std::size_t) { return GammaLaw(0.8).variate(s); });
            check_bits(
                size, first,
                [&](StreamKey key, Span out) {
                    fill_gamma(key, first, 1.2, GammaForm::logarithm, out);
                },
                [](Stream& s, std::size_t) { return GammaLaw(1.2).log_variate(s); });
        }
    }
}

TEST_CASE("a table fills matrices side by side with the bits of the scalar code") {
    const StreamKey key(5, Purpose::ensemble);
    std::vector<double> shapes;
    std::vector<std::uint32_t> entries;
    for (std::uint32_t i = 0; i < 77; ++i) {
        shapes.push_back(i % 11 == 3 ? 0.0 : std::pow(10.0, (i * 37 % 101) / 10.0 - 6.0));
        entries.push_back(i * 2654435761u);
    }
    const GammaTable table(shapes, entries);
    REQUIRE(table.size() == 77);
    const double scale = 0.3;
    constexpr std::uint64_t strides[] = {1, 7, 0xFFFFFFFFu};
    const auto expected = [&](GammaForm form, MatrixNumbers numbers, std::size_t position) {
        const std::size_t i = position / lockstep_lanes, k = position % lockstep_lanes;
        const bool logarithm = form == GammaForm::logarithm;
        if (shapes[i] == 0.0) {
            return logarithm ? -std::numeric_limits<double>::infinity() : 0.0;
        }
        Stream stream(key, numbers[static_cast<Index>(k)], entries[i]);
        const double drawn = GammaLaw(shapes[i]).draw(form, stream);
        return logarithm ? drawn + portable_log(scale) : scale * drawn;
    };
    constexpr double untouched = -7.0;
    for_each_instruction_set([&] {
        for (const std::uint64_t first : {10ull, (1ull << 32) - 20, ~0ull - 3}) {
            for (Index lanes = 1; lanes <= lockstep_lanes; ++lanes) {
                const MatrixNumbers numbers{first, lanes, strides[lanes % 3]};
                for (const GammaForm form : forms) {
                    std::vector<double> found(shapes.size() * lockstep_lanes, untouched);
                    table.fill(form, scale, key, numbers, found.data());
                    CHECK(mismatches(found, [&](std::size_t p) {
                              return static_cast<Index>(p) % lockstep_lanes < lanes
                                         ? expected(form, numbers, p)
                                         : untouched;
                          }) == 0);
                }
                std::vector<double> found(shapes.size() * lockstep_lanes, untouched);
                fill_normals(scale, key, numbers, entries, found.data());
                CHECK(mismatches(found, [&](std::size_t p) {
                          const std::size_t k = p % lockstep_lanes;
                          if (static_cast<Index>(k) >= lanes) return untouched;
                          Stream stream(key, numbers[static_cast<Index>(k)],
                                        entries[p / lockstep_lanes]);
                          return scale * normal_variate(stream);
                      }) == 0);
            }
        }
    });
}

TEST_CASE("a table of many laws fills few matrices") {
    const StreamKey key(6, Purpose::ensemble);
    constexpr std::size_t n = 2500;
    std::vector<double> shapes(n);
    std::vector<std::uint32_t> entries(n);
    for (std::size_t i = 0; i < n; ++i) {
        shapes[i] = 0.05 * static_cast<double>(i);
        entries[i] = static_cast<std::uint32_t>(2 * i + 1);
    }
    const GammaTable table(shapes, entries);
    for_each_instruction_set([&] {
        for (const Index lanes : {1, 2, 3, 4, 32}) {
            std::vector<double> found(n * lockstep_lanes);
            std::vector<double> normals(n * lockstep_lanes);
            table.fill(GammaForm::square_root, 2.0, key, {9, lanes}, found.data());
            fill_normals(2.0, key, {9, lanes}, entries, normals.data());
            Index different = 0;
            for (std::size_t i = 0; i < n; ++i) {
                for (std::size_t k = 0; k < static_cast<std::size_t>(lanes); ++k) {
                    Stream stream(key, 9 + k, entries[i]), other(key, 9 + k, entries[i]);
                    const double root =
                        i == 0 ? 0.0 : 2.0 * GammaLaw(shapes[i]).sqrt_variate(stream);
                    different += found[i * lockstep_lanes + k] != root;
                    different += normals[i * lockstep_lanes + k] != 2.0 * normal_variate(other);
                }
            }
            CHECK(different == 0);
        }
    });
}

TEST_CASE("a table refuses shapes outside the domain") {
    const std::vector<std::uint32_t> entries{1};
    for (const double shape : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
        CHECK_THROWS_AS(GammaTable(std::vector<double>{shape}, entries), InvalidInput);
    }
    CHECK_THROWS_AS(GammaTable(std::vector<double>{1.0, 2.0}, entries), InvalidInput);
    CHECK(GammaTable().size() == 0);
}
