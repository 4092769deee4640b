#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/bidiagonal.hpp"
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
         {TridiagonalDriver::sterf, TridiagonalDriver::stebz, TridiagonalDriver::stemr}) {
        for (const Index n : {1, 2, 3, 40}) {
            constexpr Index batch = 600;
            const auto size = static_cast<std::size_t>(batch * n);
            const std::vector<double> d(size, 2.0);
            const std::vector<double> e(static_cast<std::size_t>(batch * (n - 1)), -1.0);
            std::vector<double> found(size);
            RunControl control;
            control.n_threads = 3;
            tridiagonal_eigenvalues_batch(batch, n, d, e, driver, {}, control, found);
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
    SpectrumWorkspace workspace;
    std::vector<double> found(n);
    const EigenvalueRange indices{EigenvalueRange::Kind::indices, 4, 6, 0.0, 0.0};
    CHECK(tridiagonal_eigenvalues(d, e, TridiagonalDriver::stebz, indices, workspace, found) == 3);
    CHECK(found[0] == doctest::Approx(exact[4]).epsilon(1e-13));
    const EigenvalueRange values{EigenvalueRange::Kind::values, 0, 0, 1.0, 2.0};
    const Index count =
        tridiagonal_eigenvalues(d, e, TridiagonalDriver::stebz, values, workspace, found);
    CHECK(count == std::count_if(exact.begin(), exact.end(),
                                 [](double value) { return value > 1.0 && value <= 2.0; }));
    std::vector<double> two(2 * n), off(2 * (n - 1));
    CHECK_THROWS_AS(
        tridiagonal_eigenvalues_batch(2, n, two, off, TridiagonalDriver::stebz, values, {}, two),
        InvalidInput);
}

TEST_CASE("non-finite entries are refused with the matrix's number") {
    std::vector<double> d{1.0, 2.0, 3.0, 4.0}, e{0.5, INFINITY}, found(4);
    CHECK_THROWS_WITH_AS(
        tridiagonal_eigenvalues_batch(2, 2, d, e, TridiagonalDriver::sterf, {}, {}, found),
        doctest::Contains("matrix 1"), NonFinite);
    CHECK_THROWS_WITH_AS(bidiagonal_singular_values_batch(2, 2, d, e, {}, found),
                         doctest::Contains("matrix 1"), NonFinite);
}

TEST_CASE("singular values: product is that of the diagonal, squares sum to the Frobenius norm") {
    const std::vector<double> d{3.0, 1.0, 0.5, 2.0}, e{0.7, 0.2, 1.1};
    std::vector<double> found(4);
    SpectrumWorkspace workspace;
    bidiagonal_singular_values(d, e, workspace, found);
    double product = 1.0, squares = 0.0;
    for (const double value : found) {
        product *= value;
        squares += value * value;
    }
    CHECK(product == doctest::Approx(3.0).epsilon(1e-13));
    CHECK(squares == doctest::Approx(9 + 1 + 0.25 + 4 + 0.49 + 0.04 + 1.21).epsilon(1e-13));
    CHECK(std::is_sorted(found.rbegin(), found.rend()));
}

TEST_CASE("a scaled product neither overflows nor underflows") {
    ScaledProduct product;
    for (int i = 0; i < 1000; ++i) product.multiply(1e300);
    for (int i = 0; i < 2000; ++i) product.multiply(1e-300);
    CHECK(product.log() == doctest::Approx(-1000 * 300 * std::log(10.0)).epsilon(1e-14));
}
