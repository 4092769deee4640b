#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/bidiagonal.hpp"
#include "htmu/linalg/counts.hpp"
#include "htmu/linalg/scaled_product.hpp"
#include "htmu/linalg/tridiagonal.hpp"

using namespace htmu;

namespace {

constexpr double pi = 3.14159265358979323846;

/// Eigenvalues 2 - 2 cos(k pi/(n+1)) of the Toeplitz matrix (-1, 2, -1).
std::vector<double> toeplitz_spectrum(Index n) {
    std::vector<double> exact;
    for (Index k = 1; k <= n; ++k) {
        exact.push_back(
            4.0 *
            std::pow(std::sin(0.5 * pi * static_cast<double>(k) / static_cast<double>(n + 1)), 2));
    }
    return exact;
}

}  // namespace

TEST_CASE("every driver finds the Toeplitz spectrum, in a batch on several threads") {
    for (const auto driver :
         {TridiagonalDriver::automatic, TridiagonalDriver::qr, TridiagonalDriver::sturm,
          TridiagonalDriver::sterf, TridiagonalDriver::stebz, TridiagonalDriver::stemr}) {
        for (const Index n : {1, 2, 3, 40}) {
            constexpr Index batch = 600;
            const auto size = static_cast<std::size_t>(batch * n);
            const std::vector<double> d(size, 2.0);
            const std::vector<double> e(static_cast<std::size_t>(batch * (n - 1)), -1.0);
            std::vector<double> found(size);
            RunControl control;
            control.n_threads = 3;
            tridiagonal_eigenvalues_batch(batch, n, d, e, driver, {}, Finiteness::require, control,
                                          found);
            const auto exact = toeplitz_spectrum(n);
            for (std::size_t i = 0; i < size; ++i) {
                CHECK(found[i] == doctest::Approx(exact[i % exact.size()]).epsilon(1e-13));
            }
        }
    }
}

TEST_CASE("index and value ranges") {
    constexpr Index n = 30;
    const std::vector<double> d(n, 2.0), e(n - 1, -1.0);
    const auto exact = toeplitz_spectrum(n);
    const EigenvalueRange indices{EigenvalueRange::Kind::indices, 4, 6, 0.0, 0.0};
    const EigenvalueRange values{EigenvalueRange::Kind::values, 0, 0, 1.0, 2.0};
    for (const auto driver :
         {TridiagonalDriver::automatic, TridiagonalDriver::sturm, TridiagonalDriver::stebz}) {
        std::vector<double> found(3), inside(n);
        tridiagonal_eigenvalues_batch(1, n, d, e, driver, indices, Finiteness::require, {}, found);
        for (std::size_t i = 0; i < 3; ++i) {
            CHECK(found[i] == doctest::Approx(exact[4 + i]).epsilon(1e-13));
        }
        CHECK(tridiagonal_eigenvalues_between(d, e, 1.0, 2.0, driver, {}, inside) ==
              std::count_if(exact.begin(), exact.end(),
                            [](double value) { return value > 1.0 && value <= 2.0; }));
        std::vector<double> two(2 * n), off(2 * (n - 1));
        CHECK_THROWS_AS(tridiagonal_eigenvalues_batch(2, n, two, off, driver, values,
                                                      Finiteness::require, {}, two),
                        InvalidInput);
    }
    std::vector<double> found(3);
    for (const auto driver :
         {TridiagonalDriver::qr, TridiagonalDriver::sterf, TridiagonalDriver::stemr}) {
        CHECK_THROWS_AS(tridiagonal_eigenvalues_batch(1, n, d, e, driver, indices,
                                                      Finiteness::require, {}, found),
                        InvalidInput);
    }
}

TEST_CASE("non-finite entries are refused with the matrix's number, or give NaN for it alone") {
    const std::vector<double> d{1.0, 2.0, 3.0, 4.0, 2.0, 2.0}, e{0.5, INFINITY, 1.0};
    for (const auto driver :
         {TridiagonalDriver::qr, TridiagonalDriver::sturm, TridiagonalDriver::sterf}) {
        std::vector<double> found(6);
        CHECK_THROWS_WITH_AS(
            tridiagonal_eigenvalues_batch(3, 2, d, e, driver, {}, Finiteness::require, {}, found),
            doctest::Contains("matrix 1"), NonFinite);
        tridiagonal_eigenvalues_batch(3, 2, d, e, driver, {}, Finiteness::propagate, {}, found);
        CHECK(std::isnan(found[2]));
        CHECK(std::isnan(found[3]));
        CHECK(found[0] + found[1] == doctest::Approx(3.0));
        CHECK(found[4] == doctest::Approx(1.0).epsilon(1e-14));
        CHECK(found[5] == doctest::Approx(3.0).epsilon(1e-14));
    }
    for (const auto driver :
         {BidiagonalDriver::qr, BidiagonalDriver::sturm, BidiagonalDriver::lasq1}) {
        std::vector<double> found(6);
        CHECK_THROWS_WITH_AS(bidiagonal_singular_values_batch(3, 2, d, e, driver, {},
                                                              Finiteness::require, {}, found),
                             doctest::Contains("matrix 1"), NonFinite);
        bidiagonal_singular_values_batch(3, 2, d, e, driver, {}, Finiteness::propagate, {}, found);
        CHECK(std::isnan(found[2]));
        CHECK(found[4] * found[5] == doctest::Approx(4.0).epsilon(1e-14));
    }
}

TEST_CASE("singular values: product is that of the diagonal, squares sum to the Frobenius norm") {
    const std::vector<double> d{3.0, 1.0, 0.5, 2.0}, e{0.7, 0.2, 1.1};
    for (const auto driver : {BidiagonalDriver::automatic, BidiagonalDriver::qr,
                              BidiagonalDriver::sturm, BidiagonalDriver::lasq1}) {
        std::vector<double> found(4);
        bidiagonal_singular_values_batch(1, 4, d, e, driver, {}, Finiteness::require, {}, found);
        double product = 1.0, squares = 0.0;
        for (const double value : found) {
            product *= value;
            squares += value * value;
        }
        CHECK(product == doctest::Approx(3.0).epsilon(1e-13));
        CHECK(squares == doctest::Approx(9 + 1 + 0.25 + 4 + 0.49 + 0.04 + 1.21).epsilon(1e-13));
        CHECK(std::is_sorted(found.rbegin(), found.rend()));
    }
}

TEST_CASE("a matrix whose squares would underflow is left to dqds") {
    // For which the tests have a stand-in without its relative accuracy.
    const std::vector<double> d{1.0, 1e-200}, e{1e-100};
    for (const auto driver :
         {BidiagonalDriver::automatic, BidiagonalDriver::qr, BidiagonalDriver::sturm}) {
        std::vector<double> found(2);
        bidiagonal_singular_values_batch(1, 2, d, e, driver, {}, Finiteness::require, {}, found);
        CHECK(found[0] == doctest::Approx(1.0).epsilon(1e-14));
        CHECK(found[1] < 1e-150);
    }
}

TEST_CASE("counts below points, at any scale") {
    constexpr Index n = 30;
    const auto exact = toeplitz_spectrum(n);
    for (const double scale : {1.0, 1e-200, 1e200}) {
        const std::vector<double> d(n, 2.0 * scale), e(n - 1, -scale);
        const std::vector<double> points{-scale, 0.1 * scale, 2.5 * scale, 1.9 * scale,
                                         5.0 * scale};
        std::vector<std::int64_t> counts(points.size());
        count_eigenvalues_batch(1, n, d, e, points, {}, counts);
        for (std::size_t i = 0; i < points.size(); ++i) {
            CHECK(counts[i] == std::count_if(exact.begin(), exact.end(), [&](double value) {
                      return value * scale < points[i];
                  }));
        }
    }
}

TEST_CASE("a scaled product neither overflows nor underflows") {
    ScaledProduct product;
    for (int i = 0; i < 1000; ++i) product.multiply(1e300);
    for (int i = 0; i < 2000; ++i) product.multiply(1e-300);
    CHECK(product.log() == doctest::Approx(-1000 * 300 * std::log(10.0)).epsilon(1e-14));
}
