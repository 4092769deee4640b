#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "htmu/common/errors.hpp"
#include "htmu/common/instruction_set.hpp"
#include "htmu/linalg/sturm.hpp"
#include "linalg/reference_sturm.hpp"

using namespace htmu;
using reference_sturm::Bidiagonal;
using reference_sturm::for_every_instruction_set;
using reference_sturm::size_of;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Every eigenvalue above 1e-288 times the largest entry, against bisection in long double.
void check_all_eigenvalues(const Bidiagonal& matrix, double bound = 3e-15) {
    const auto exact = reference_sturm::eigenvalues(matrix);
    const Index n = size_of(matrix.q);
    const long double floor = 1e-288L * matrix.largest();
    for_every_instruction_set([&] {
        SturmWorkspace workspace;
        std::vector<double> found(matrix.q.size(), -1.0);
        bidiagonal_eigenvalues(matrix.q, matrix.e, 0, n - 1, {}, workspace, found);
        long double worst = 0.0L;
        bool small_are_small = true;
        for (std::size_t i = 0; i < found.size(); ++i) {
            if (exact[i] > floor) {
                worst = std::max(worst, std::fabs(found[i] - exact[i]) / exact[i]);
            } else {
                small_are_small = small_are_small && found[i] >= 0.0 && found[i] <= 2.0L * floor;
            }
        }
        CHECK(worst <= bound);
        CHECK(small_are_small);
        CHECK(std::is_sorted(found.begin(), found.end()));
    });
}

/// Exact counts 1e-14, relatively, beside each eigenvalue found.
void check_certified(const Bidiagonal& matrix) {
    const long double floor = 1e-289L * matrix.largest();
    if (floor == 0.0L) return;
    for_every_instruction_set([&] {
        SturmWorkspace workspace;
        std::vector<double> found(matrix.q.size());
        bidiagonal_eigenvalues(matrix.q, matrix.e, 0, size_of(matrix.q) - 1, {}, workspace, found);
        bool certified = true;
        for (std::size_t i = 0; i < found.size(); ++i) {
            const auto index = static_cast<Index>(i);
            const bool resolved = found[i] >= floor;
            const long double high = resolved ? found[i] * (1.0L + 1e-14L) : 1.01L * floor;
            certified = certified && reference_sturm::count(matrix, high) > index;
            if (resolved) {
                const long double low = found[i] * (1.0L - 1e-14L);
                certified = certified && reference_sturm::count(matrix, low) <= index;
            }
        }
        CHECK(certified);
    });
}

}  // namespace

TEST_CASE("Laguerre matrices: every eigenvalue to relative accuracy at every temperature") {
    std::mt19937_64 generator(20);
    for (const Index n : {1, 2, 3, 10, 60}) {
        for (const double beta : {0.0, 1e-6, 1.0 / static_cast<double>(n), 1.0, 2.0, 1e3}) {
            for (const double a : {-0.97, 0.0, 4.0}) {
                check_all_eigenvalues(reference_sturm::laguerre(n, beta, a, generator));
            }
        }
    }
    check_all_eigenvalues(reference_sturm::laguerre(200, 2.0, 0.0, generator));
}

TEST_CASE("graded matrices over 280 decades, in every order") {
    std::mt19937_64 generator(5);
    std::uniform_real_distribution<> decade(-280.0, 0.0);
    for (int trial = 0; trial < 8; ++trial) {
        Bidiagonal matrix(60);
        for (double& q : matrix.q) q = std::pow(10.0, decade(generator));
        for (double& e : matrix.e) e = std::pow(10.0, decade(generator));
        if (trial % 4 >= 2) {
            std::sort(matrix.q.begin(), matrix.q.end());
            std::sort(matrix.e.begin(), matrix.e.end());
        }
        if (trial % 4 == 3) std::reverse(matrix.q.begin(), matrix.q.end());
        check_all_eigenvalues(matrix);
    }
}

TEST_CASE("repeated, split, zero and subnormal entries") {
    Bidiagonal matrix(70);
    std::fill(matrix.q.begin(), matrix.q.end(), 1.0);
    check_all_eigenvalues(matrix);  // the identity
    for (std::size_t i = 0; i < matrix.q.size(); ++i)
        matrix.q[i] = 1.0 + static_cast<double>(i / 3);
    check_all_eigenvalues(matrix);
    std::fill(matrix.e.begin(), matrix.e.end(), 1.0);
    matrix.q[40] = 0.0;
    check_all_eigenvalues(matrix);
    matrix.q[20] = 0.0;
    matrix.e[10] = matrix.e[40] = 0.0;
    check_all_eigenvalues(matrix);
    std::fill(matrix.q.begin(), matrix.q.end(), 5e-324);
    check_all_eigenvalues(matrix);
    std::fill(matrix.q.begin(), matrix.q.end(), 0.0);
    check_all_eigenvalues(matrix);
    std::fill(matrix.e.begin(), matrix.e.end(), 0.0);
    check_all_eigenvalues(matrix);
    std::fill(matrix.q.begin(), matrix.q.end(), 1e307);
    std::fill(matrix.e.begin(), matrix.e.end(), 2e307);
    check_all_eigenvalues(matrix);
}

TEST_CASE("squared singular values of the all-ones bidiagonal matrix") {
    // B B^T with q = e = 1 has the eigenvalues 4 sin^2((2 k - 1) pi / (4 n + 2)).
    constexpr Index n = 500;
    const std::vector<double> q(n, 1.0), e(n - 1, 1.0);
    for_every_instruction_set([&] {
        SturmWorkspace workspace;
        std::vector<double> found(n);
        bidiagonal_eigenvalues(q, e, 0, n - 1, {}, workspace, found);
        for (Index k = 1; k <= n; ++k) {
            const long double sine =
                std::sin((2 * k - 1) * 3.14159265358979323846264338L / (4 * n + 2));
            CHECK(std::fabs(found[static_cast<std::size_t>(k - 1)] / (4.0L * sine * sine) - 1.0L) <
                  4e-15L);
        }
    });
}

TEST_CASE("ranges by index and by value are pieces of the whole spectrum") {
    std::mt19937_64 generator(8);
    for (const double beta : {0.02, 2.0}) {
        const Bidiagonal matrix = reference_sturm::laguerre(80, beta, 0.0, generator);
        const auto exact = reference_sturm::eigenvalues(matrix);
        for_every_instruction_set([&] {
            SturmWorkspace workspace;
            for (const auto& [first, last] :
                 {std::pair<Index, Index>{0, 0}, {3, 7}, {40, 40}, {79, 79}, {10, 75}}) {
                std::vector<double> found(static_cast<std::size_t>(last - first + 1));
                bidiagonal_eigenvalues(matrix.q, matrix.e, first, last, {}, workspace, found);
                for (std::size_t i = 0; i < found.size(); ++i) {
                    const long double value = exact[static_cast<std::size_t>(first) + i];
                    CHECK(std::fabs(found[i] - value) <= 4e-15L * value);
                }
            }
            for (const auto& [lower, upper] : {std::pair<double, double>{-1.0, 0.0},
                                               {0.0, 0.5},
                                               {0.5, 3.0},
                                               {1.0, infinity},
                                               {-infinity, infinity},
                                               {1e4, 1e5}}) {
                std::vector<double> found(80);
                const Index count = bidiagonal_eigenvalues_between(matrix.q, matrix.e, lower, upper,
                                                                   {}, workspace, found);
                std::size_t next = 0;
                for (const long double value : exact) {
                    if (value <= lower || value > upper) continue;
                    REQUIRE(next < static_cast<std::size_t>(count));
                    CHECK(std::fabs(found[next++] - value) <= 4e-15L * value);
                }
                CHECK(static_cast<Index>(next) == count);
            }
        });
    }
}

TEST_CASE("counts equal those of long double arithmetic, for any number of points") {
    std::mt19937_64 generator(3);
    for (const Index n : {1, 2, 3, 17, 600}) {
        for (const double beta : {0.0, 1.0 / static_cast<double>(n), 2.0}) {
            const Bidiagonal matrix = reference_sturm::laguerre(n, beta, -0.5, generator);
            for (const std::size_t m : {1u, 7u, 100u}) {
                std::vector<double> points(m);
                for (std::size_t k = 0; k < m; ++k) {
                    points[k] = matrix.largest() * std::pow(1.5, -static_cast<double>(k)) * 1.7;
                }
                std::shuffle(points.begin(), points.end(), generator);
                for_every_instruction_set([&] {
                    std::vector<Index> counts(m);
                    count_bidiagonal(matrix.q, matrix.e, points, counts);
                    for (std::size_t k = 0; k < m; ++k) {
                        CHECK(counts[k] == reference_sturm::count(matrix, points[k]));
                    }
                });
            }
        }
    }
}

TEST_CASE("counts at special points; eigenvalues of diagonal matrices are not below themselves") {
    const std::vector<double> q{1.0, 2.0, 2.0, 3.0, 0.0}, e(4, 0.0);
    const std::vector<double> points{-infinity, -1.0, 0.0, 1e-200, 1.0,     1.5,
                                     2.0,       2.5,  3.0, 3.5,    infinity};
    const std::vector<Index> expected{0, 0, 0, 1, 1, 2, 2, 4, 4, 5, 5};
    for_every_instruction_set([&] {
        std::vector<Index> counts(points.size());
        count_bidiagonal(q, e, points, counts);
        CHECK(counts == expected);
    });
}

TEST_CASE("counts at an eigenvalue of a leading block that is split off") {
    // There all later polynomials vanish too, and yet later eigenvalues count.
    const std::vector<double> q{3.0, 5.0, 1.0, 3.0, 7.0}, e{0.0, 0.0, 0.0, 0.0};
    const std::vector<double> points{3.0, 5.0, 7.0, 1.0, std::nextafter(3.0, 4.0)};
    const std::vector<Index> expected{1, 3, 4, 0, 3};
    for_every_instruction_set([&] {
        std::vector<Index> counts(points.size());
        count_bidiagonal(q, e, points, counts);
        CHECK(counts == expected);
    });
}

TEST_CASE("random matrices of few values, in blocks that repeat") {
    std::mt19937_64 generator(24);
    const std::vector<double> all{0.0, 1.0, 2.0, 49.0, 941.0, 1e3, 1e-3, 1e-8, 1e-16, 1e-100};
    const auto pick = [&](std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(generator);
    };
    for (int trial = 0; trial < 1500; ++trial) {
        std::vector<double> palette(1 + pick(5));
        for (double& value : palette) value = all[pick(all.size())];
        const std::size_t n = 2 + pick(40), period = trial % 2 == 0 ? n : 1 + pick(n);
        Bidiagonal matrix(static_cast<Index>(n));
        for (std::size_t i = 0; i < n; ++i) {
            matrix.q[i] = i < period ? palette[pick(palette.size())] : matrix.q[i - period];
        }
        for (std::size_t i = 0; i + 1 < n; ++i) {
            matrix.e[i] = i < period ? palette[pick(palette.size())] : matrix.e[i - period];
        }
        check_certified(matrix);
    }
}

TEST_CASE("the same bits and counts for any number of threads") {
    std::mt19937_64 generator(4);
    constexpr Index n = 3000;
    const Bidiagonal matrix = reference_sturm::laguerre(n, 0.01, -0.9, generator);
    std::vector<double> points(2001);
    for (std::size_t k = 0; k < points.size(); ++k) points[k] = 0.01 * static_cast<double>(k);
    std::vector<double> alone(200), together(200);
    std::vector<Index> counts_alone(points.size()), counts_together(points.size());
    SturmWorkspace workspace;
    RunControl control;
    control.n_threads = 3;
    bidiagonal_eigenvalues(matrix.q, matrix.e, 0, 199, {}, workspace, alone);
    bidiagonal_eigenvalues(matrix.q, matrix.e, 0, 199, control, workspace, together);
    CHECK(alone == together);
    count_bidiagonal(matrix.q, matrix.e, points, counts_alone);
    count_bidiagonal(matrix.q, matrix.e, points, control, workspace, counts_together);
    CHECK(counts_alone == counts_together);
    control.interrupted = [] { return true; };
    control.last_poll -= std::chrono::seconds(1);
    CHECK_THROWS_AS(
        count_bidiagonal(matrix.q, matrix.e, points, control, workspace, counts_together),
        Cancelled);
}

TEST_CASE("bad input is refused") {
    SturmWorkspace workspace;
    std::vector<double> found(2);
    std::vector<Index> counts(1);
    const std::vector<double> q{1.0, 2.0}, e{0.5}, point{1.0};
    const std::vector<double> negative{-1.0, 1.0}, bad{1.0, NAN}, long_e{1.0, 2.0};
    CHECK_THROWS_AS(bidiagonal_eigenvalues(negative, e, 0, 1, {}, workspace, found), InvalidInput);
    CHECK_THROWS_AS(bidiagonal_eigenvalues(bad, e, 0, 1, {}, workspace, found), NonFinite);
    CHECK_THROWS_AS(bidiagonal_eigenvalues(q, long_e, 0, 1, {}, workspace, found), InvalidInput);
    CHECK_THROWS_AS(bidiagonal_eigenvalues(q, e, 0, 2, {}, workspace, found), InvalidInput);
    CHECK_THROWS_AS(bidiagonal_eigenvalues(q, e, 0, 0, {}, workspace, found), InvalidInput);
    CHECK_THROWS_AS((void)bidiagonal_eigenvalues_between(q, e, 2.0, 1.0, {}, workspace, found),
                    InvalidInput);
    CHECK_THROWS_AS(count_bidiagonal(q, e, std::vector<double>{NAN}, counts), NonFinite);
    CHECK_THROWS_AS(count_bidiagonal(q, e, q, counts), InvalidInput);
}

TEST_CASE("an empty matrix has no eigenvalues") {
    SturmWorkspace workspace;
    std::vector<double> found;
    std::vector<Index> counts(1, 5);
    bidiagonal_eigenvalues({}, {}, 0, -1, {}, workspace, found);
    tridiagonal_eigenvalues_by_sturm({}, {}, 0, -1, {}, workspace, found);
    count_bidiagonal({}, {}, std::vector<double>{1.0}, counts);
    CHECK(counts[0] == 0);
}
