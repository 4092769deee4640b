#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include "htmu/common/errors.hpp"
#include "htmu/structures/block_diagonal.hpp"
#include "htmu/structures/kronecker.hpp"
#include "htmu/structures/sampled.hpp"
#include "htmu/structures/spectra.hpp"

using namespace htmu;

namespace {

/// Every control variate's sample mean lies within five standard errors of its exact mean (false
/// alarm 6e-7 each; the seed is fixed).
void check_control_means(const StructuredLaw& law) {
    constexpr int n = 20000;
    const std::size_t n_controls = law.control_variates().size();
    const StreamKey key(11, Purpose::structure);
    StructureWorkspace workspace;
    std::vector<double> eigenvalues(static_cast<std::size_t>(law.matrix_size()));
    std::vector<double> controls(n_controls), sum(n_controls), squares(n_controls);
    for (int k = 0; k < n; ++k) {
        law.sample(key, {static_cast<std::uint64_t>(k), 1}, workspace, eigenvalues, controls);
        for (std::size_t i = 0; i < n_controls; ++i) {
            sum[i] += controls[i];
            squares[i] += controls[i] * controls[i];
        }
    }
    for (std::size_t i = 0; i < n_controls; ++i) {
        CAPTURE(law.control_variates()[i].name);
        const double mean = sum[i] / n;
        const double error = std::sqrt(std::max(0.0, squares[i] / n - mean * mean) / n);
        const double exact = law.control_variates()[i].mean;
        CHECK(std::abs(mean - exact) <= 5.0 * error + 1e-10 * std::abs(exact));
    }
}

}  // namespace

TEST_CASE("control variates have the means that the laws state") {
    check_control_means(BlockDiagonalLaw({3, 3, 3}, 1.0, 1.0));
    check_control_means(BlockDiagonalLaw({1, 2, 5, 2}, 0.5, 2.0));
    check_control_means(BlockDiagonalLaw({2, 2}, 0.2, 4.0));
    check_control_means(BlockDiagonalLaw({1, 1, 1}, 2.0, 1.0));
    check_control_means(KroneckerLaw({3, 4}, 1.0));
    check_control_means(KroneckerLaw({2, 2, 3}, 0.25));
}

TEST_CASE("blocks' eigenvalues add up to the controls") {
    const BlockDiagonalLaw law({4, 1, 3}, 0.0, 1.0);
    CHECK(law.matrix_size() == 8);
    StructureWorkspace workspace;
    std::vector<double> x(8), controls(5);
    law.sample(StreamKey(1, Purpose::structure), {5, 1}, workspace, x, controls);
    CHECK(controls[0] == doctest::Approx(std::accumulate(x.begin(), x.end(), 0.0)));
    double sum_log = 0.0;
    for (const double value : x) sum_log += std::log(value);
    CHECK(controls[3] == doctest::Approx(sum_log).epsilon(1e-10));
}

TEST_CASE("draws from a pool have the same means as single spectra, and less variance") {
    BlockDiagonalLaw law({3, 3, 3}, 0.5, 1.0);
    CHECK(law.spectra_per_draw() == 1);
    law.limit_spectra_per_draw(20);
    CHECK(law.spectra_per_draw() == 20);
    const StreamKey key(8, Purpose::structure_pool);
    StructureWorkspace workspace;
    constexpr int n = 4000;
    std::vector<StructuredLaw::Draw> draws(n);
    std::vector<double> all_controls(5 * n);
    law.draw(key, {0, n}, workspace, draws, all_controls);
    double sum = 0.0, squares = 0.0, plain_sum = 0.0, plain_squares = 0.0;
    for (std::size_t k = 0; k < n; ++k) {
        const auto& draw = draws[k];
        const double* controls = all_controls.data() + 5 * k;
        sum += draw.estimate.log_vandermonde;
        squares += std::pow(draw.estimate.log_vandermonde, 2);
        plain_sum += draw.plain.log_vandermonde;
        plain_squares += std::pow(draw.plain.log_vandermonde, 2);
        CHECK(draw.estimate.sum == controls[0]);
    }
    const double variance = squares / n - std::pow(sum / n, 2);
    const double plain_variance = plain_squares / n - std::pow(plain_sum / n, 2);
    // Five standard errors (false alarm 6e-7, fixed seed).
    CHECK(std::abs(sum - plain_sum) / n < 5.0 * std::sqrt((variance + plain_variance) / n));
    CHECK(variance < plain_variance / 15.0);
}

TEST_CASE("a sample has the same bits alone and in any group") {
    const BlockDiagonalLaw equal({3, 3}, 0.5, 1.0), unequal({4, 1, 6}, -0.5, 2.0);
    const KroneckerLaw kronecker({4, 3}, 1.0);
    const StreamKey key(2, Purpose::structure);
    for (const StructuredLaw* law :
         {static_cast<const StructuredLaw*>(&equal), static_cast<const StructuredLaw*>(&unequal),
          static_cast<const StructuredLaw*>(&kronecker)}) {
        constexpr Index count = 70;
        const auto n = static_cast<std::size_t>(law->matrix_size());
        const std::size_t n_controls = law->control_variates().size();
        StructureWorkspace workspace;
        std::vector<double> x(count * n), controls(count * n_controls), one(n), its(n_controls);
        law->sample(key, {5, count}, workspace, x, controls);
        for (std::size_t k = 0; k < count; ++k) {
            law->sample(key, {5 + k, 1}, workspace, one, its);
            CHECK(std::equal(one.begin(), one.end(), x.begin() + static_cast<Index>(k * n)));
            CHECK(std::equal(its.begin(), its.end(),
                             controls.begin() + static_cast<Index>(k * n_controls)));
        }
    }
}

TEST_CASE("only equal blocks are pooled, and never beyond the limit") {
    BlockDiagonalLaw unequal({1, 2, 3}, 1.0, 1.0), one({5}, 1.0, 1.0),
        large({2000, 2000}, 1.0, 1.0);
    for (BlockDiagonalLaw* law : {&unequal, &one, &large}) {
        law->limit_spectra_per_draw(1000);
        CHECK(law->spectra_per_draw() == 1);
    }
    BlockDiagonalLaw equal({2, 2}, 1.0, 1.0);
    equal.limit_spectra_per_draw(7);
    CHECK(equal.spectra_per_draw() == 7);
    equal.limit_spectra_per_draw(0);
    CHECK(equal.spectra_per_draw() == 1);
}

TEST_CASE("a Kronecker product's eigenvalues are all products, and sum to 1") {
    const KroneckerLaw law({2, 3}, 1.0);
    StructureWorkspace workspace;
    std::vector<double> x(6), controls(8);
    law.sample(StreamKey(1, Purpose::structure), {0, 1}, workspace, x, controls);
    CHECK(std::accumulate(x.begin(), x.end(), 0.0) == doctest::Approx(1.0).epsilon(1e-14));
    // Rank one as a 2 x 3 table.
    for (std::size_t k = 0; k < 2; ++k) {
        CHECK(x[k] * x[5] == doctest::Approx(x[2] * x[3 + k]).epsilon(1e-13));
    }
}

TEST_CASE("structures outside their domain are refused") {
    CHECK_THROWS_AS(BlockDiagonalLaw({}, 1.0, 1.0), InvalidInput);
    CHECK_THROWS_AS(BlockDiagonalLaw({0}, 1.0, 1.0), InvalidInput);
    CHECK_THROWS_AS(BlockDiagonalLaw({2}, -1.0, 1.0), InvalidInput);
    CHECK_THROWS_AS(BlockDiagonalLaw({max_matrix_size, 1}, 1.0, 1.0), InvalidInput);
    CHECK_THROWS_AS(KroneckerLaw({}, 1.0), InvalidInput);
    CHECK_THROWS_AS(KroneckerLaw({1000, 1001}, 1.0), InvalidInput);
    CHECK_THROWS_AS(KroneckerLaw({2, 3}, -0.4), InvalidInput);
}

TEST_CASE("arrays and functions of spectra") {
    const std::vector<double> rows{3.0, 1.0, 2.0, 5.0};
    ArrayLaw array(rows, 2);
    CHECK(array.available_samples() == 2);
    std::vector<double> spectra(4);
    draw_spectra(array, 2, 0, {}, spectra);
    CHECK(spectra == std::vector<double>{1.0, 3.0, 2.0, 5.0});
    std::vector<double> too_many(6);
    CHECK_THROWS_AS(draw_spectra(array, 3, 0, {}, too_many), InvalidInput);
    CHECK_THROWS_WITH_AS(ArrayLaw(std::vector<double>{1.0, 2.0, NAN, 3.0}, 2),
                         doctest::Contains("sample 1"), NonFinite);
    CHECK_THROWS_WITH_AS(ArrayLaw(std::vector<double>{1.0, 0.0}, 2), doctest::Contains("sample 0"),
                         InvalidInput);

    CallbackLaw function(2, [](std::uint64_t group, Span out) {
        for (std::size_t i = 0; i < out.size(); ++i) {
            out[i] = 1.0 + static_cast<double>(i) + 1000.0 * static_cast<double>(group);
        }
    });
    std::vector<double> drawn(2 * 200);
    RunControl control;
    control.n_threads = 3;
    draw_spectra(function, 200, 0, control, drawn);
    CHECK(drawn[0] == 1.0);
    CHECK(drawn[2 * 64] == 1001.0);
    CHECK(drawn[2 * 199 + 1] == 3000.0 + 2.0 * (199 - 192) + 2.0);
}
