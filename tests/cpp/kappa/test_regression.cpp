#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "htmu/kappa/regression.hpp"
#include "htmu/random/variates.hpp"

using namespace htmu;

namespace {

std::vector<double> normals(std::size_t count, std::uint64_t seed) {
    const StreamKey key(seed, Purpose::variates);
    std::vector<double> x;
    for (std::size_t i = 0; i < count; ++i) {
        Stream stream(key, i, 0);
        x.push_back(normal_variate(stream));
    }
    return x;
}

}  // namespace

TEST_CASE("merged moments are those of all rows") {
    const auto rows = normals(3 * 101, 1);
    const auto whole = MomentAccumulator::of_rows(rows, 3);
    MomentAccumulator merged(3);
    for (std::size_t first = 0; first < 101; first += 17) {
        const std::size_t count = std::min<std::size_t>(17, 101 - first);
        merged.merge(MomentAccumulator::of_rows(ConstSpan(rows).subspan(3 * first, 3 * count), 3));
    }
    CHECK(merged.count() == 101);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(merged.mean(i) == doctest::Approx(whole.mean(i)).epsilon(1e-13));
        for (std::size_t j = 0; j < 3; ++j) {
            CHECK(merged.scatter(i, j) == doctest::Approx(whole.scatter(i, j)).epsilon(1e-12));
        }
    }
}

TEST_CASE("a response that is linear in the controls is known exactly") {
    const auto z = normals(2 * 30, 2);
    std::vector<double> rows;
    for (std::size_t k = 0; k < 30; ++k) {
        const double a = z[2 * k] + 5.0, b = 3.0 * z[2 * k + 1];
        // The third control repeats the first two; the fourth is a constant.
        rows.insert(rows.end(), {2.0 * a - b + 1.0, a, b, a + b, 7.0});
    }
    const ControlRegression regression(MomentAccumulator::of_rows(rows, 5), 1,
                                       {5.0, 0.0, 5.0, 7.0});
    const std::vector<double> weight{1.0};
    CHECK(regression.adjusted_mean(0) == doctest::Approx(11.0).epsilon(1e-12));
    CHECK(regression.standard_error(weight) < 1e-6);
    CHECK(regression.degrees_of_freedom() == 30 - 1 - 2);
}

TEST_CASE("without controls the standard error is that of a mean") {
    const auto x = normals(50, 3);
    const auto moments = MomentAccumulator::of_rows(x, 1);
    const ControlRegression regression(moments, 1, {});
    const std::vector<double> weight{1.0};
    CHECK(regression.adjusted_mean(0) == moments.mean(0));
    CHECK(regression.standard_error(weight) ==
          doctest::Approx(std::sqrt(moments.scatter(0, 0) / 49.0 / 50.0)));
    CHECK(moments.variance(0, weight) == doctest::Approx(moments.scatter(0, 0) / 49.0));
}

TEST_CASE("the t interval of Lavenberg and Welch covers at its level in small samples") {
    // 12 samples, 3 controls: normal theory is exact. 4000 repeats, 95 %: the count is binomial
    // with standard error 0.34 %; five of them.
    constexpr double quantile_of_8 = 2.3060041350333704;
    constexpr int repeats = 4000;
    int covered = 0;
    for (int repeat = 0; repeat < repeats; ++repeat) {
        const auto z = normals(4 * 12, 1000 + static_cast<std::uint64_t>(repeat));
        std::vector<double> rows;
        for (std::size_t k = 0; k < 12; ++k) {
            const double* row = &z[4 * k];
            rows.insert(rows.end(),
                        {row[0] + 2.0 * row[1] - row[2] + 0.5 * row[3], row[1], row[2], row[3]});
        }
        const ControlRegression regression(MomentAccumulator::of_rows(rows, 4), 1, {0.0, 0.0, 0.0});
        const std::vector<double> weight{1.0};
        covered += std::abs(regression.adjusted_mean(0)) <=
                   quantile_of_8 * regression.standard_error(weight);
    }
    CHECK(std::abs(covered / static_cast<double>(repeats) - 0.95) < 5.0 * 0.00345);
}
