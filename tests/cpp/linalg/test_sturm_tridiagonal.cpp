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
using reference_sturm::size_of;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
using Values = std::vector<double>;

struct Tridiagonal {
    Values d, e;
};

long double norm_of(const std::vector<long double>& eigenvalues) {
    long double norm = 0.0L;
    for (const long double value : eigenvalues) norm = std::max(norm, std::fabs(value));
    return norm;
}

void check_against(const Tridiagonal& matrix, const std::vector<long double>& exact) {
    const long double bound = 5e-16L * norm_of(exact);
    for_every_instruction_set([&] {
        SturmWorkspace workspace;
        Values found(matrix.d.size());
        tridiagonal_eigenvalues_by_sturm(matrix.d, matrix.e, 0, size_of(matrix.d) - 1, {},
                                         workspace, found);
        long double worst = 0.0L;
        for (std::size_t i = 0; i < found.size(); ++i) {
            worst = std::max(worst, std::fabs(found[i] - exact[i]));
        }
        CHECK(worst <= bound);
        CHECK(std::is_sorted(found.begin(), found.end()));
    });
}

/// Exact counts 1e-15 norms beside each eigenvalue found: as good as the eigenvalues, and faster.
void check_certified(const Tridiagonal& matrix) {
    for_every_instruction_set([&] {
        SturmWorkspace workspace;
        Values found(matrix.d.size());
        tridiagonal_eigenvalues_by_sturm(matrix.d, matrix.e, 0, size_of(matrix.d) - 1, {},
                                         workspace, found);
        const long double norm = std::max(std::fabs(found.front()), std::fabs(found.back()));
        if (norm == 0.0L) return;
        bool certified = true;
        for (std::size_t i = 0; i < found.size(); ++i) {
            const auto index = static_cast<Index>(i);
            const long double low = found[i] - 1e-15L * norm, high = found[i] + 1e-15L * norm;
            certified = certified && reference_sturm::count(matrix.d, matrix.e, low) <= index &&
                        reference_sturm::count(matrix.d, matrix.e, high) > index;
        }
        CHECK(certified);
    });
}

Tridiagonal toeplitz(std::size_t n) {
    return {Values(n, 2.0), Values(n - 1, -1.0)};
}

/// Eigenvalues 2 - 2 cos(k pi / (n + 1)) of the Toeplitz matrix (-1, 2, -1).
std::vector<long double> toeplitz_spectrum(std::size_t n, long double scale) {
    std::vector<long double> exact;
    for (std::size_t k = 1; k <= n; ++k) {
        const auto angle = static_cast<long double>(k) / static_cast<long double>(n + 1);
        exact.push_back(scale * (2.0L - 2.0L * std::cos(3.14159265358979323846264L * angle)));
    }
    return exact;
}

/// Wilkinson matrices W21+ whose neighbours are coupled by glue: clusters of near-equal pairs.
Tridiagonal glued_wilkinson(int copies, double glue) {
    Tridiagonal matrix;
    for (int copy = 0; copy < copies; ++copy) {
        if (copy > 0) matrix.e.push_back(glue);
        for (int i = 0; i < 21; ++i) {
            matrix.d.push_back(std::abs(10 - i));
            if (i > 0) matrix.e.push_back(1.0);
        }
    }
    return matrix;
}

}  // namespace

TEST_CASE("Toeplitz matrices of any scale") {
    for (const std::size_t n : {1u, 2u, 3u, 40u, 257u}) {
        for (const double scale : {1.0, 1e-300, 1e-150, 3e150, 1e307}) {
            Tridiagonal matrix = toeplitz(n);
            for (double& value : matrix.d) value *= scale;
            for (double& value : matrix.e) value *= scale;
            check_against(matrix, toeplitz_spectrum(n, static_cast<long double>(scale)));
        }
    }
}

TEST_CASE("Clement matrices have the eigenvalues -n, -n + 2, .., n") {
    constexpr int n = 100;
    Tridiagonal matrix{Values(n + 1, 0.0), {}};
    std::vector<long double> exact;
    for (int i = 0; i <= n; ++i) {
        if (i > 0) matrix.e.push_back(std::sqrt(static_cast<double>(i) * (n + 1.0 - i)));
        exact.push_back(2.0L * i - n);
    }
    check_against(matrix, exact);
}

TEST_CASE("clusters, splits, zeros and repeated eigenvalues") {
    for (const double glue : {0.0, 1e-200, 1e-14, 1e-8, 1e-3}) {
        const Tridiagonal matrix = glued_wilkinson(4, glue);
        check_against(matrix, reference_sturm::eigenvalues(matrix.d, matrix.e));
    }
    check_against({Values(30, 0.0), Values(29, 0.0)}, std::vector<long double>(30, 0.0L));
    check_against({Values(30, -3.0), Values(29, 0.0)}, std::vector<long double>(30, -3.0L));
    Tridiagonal diagonal{{}, Values(29, 0.0)};
    std::vector<long double> exact;
    for (int i = 0; i < 30; ++i) {
        diagonal.d.push_back(i % 7 - 3);
        exact.push_back(i % 7 - 3);
    }
    std::sort(exact.begin(), exact.end());
    check_against(diagonal, exact);
}

TEST_CASE("close pairs: the polynomial is rounding noise at a point that tells them apart") {
    // A letter an entry.
    const auto values = [](const char* letters) {
        Values found;
        for (const char* c = letters; *c != 0; ++c) {
            found.push_back(*c == 'b'   ? 941.0
                            : *c == 'f' ? 49.0
                            : *c == 'm' ? 1e-3
                            : *c == 's' ? 1e-8
                            : *c == '-' ? -1.0
                                        : *c - '0');
        }
        return found;
    };
    const char* const matrices[][2] = {
        {"m-m--mm-mmmmmb0mb-b", "0m0m0m000m0mmm000-"},
        {"00-00s-0ss00b0100bb00--s010-", "sb-1bssb1bbs0111--sb1-1bs1b"},
        {"1b1111b1bbb1bbb01b11bbb1bbbb", "b101bbb000010001b0bb0000b00"},
        {"0mm0m020m0m00mb0bbb202mbm00m2mmbm", "mbmmmmmm2m0mmm220bmb22m002m022mm"},
        {"ff1ffffsff001s1f00ffs01f11s1010fs1s1fff", "10f0f1sssff11s1sfs1sf10f1f010ff10ff0sf"},
    };
    for (const auto& [d, e] : matrices) {
        const Tridiagonal matrix{values(d), values(e)};
        check_against(matrix, reference_sturm::eigenvalues(matrix.d, matrix.e));
    }
}

TEST_CASE("random matrices of few values, in blocks that repeat") {
    std::mt19937_64 generator(23);
    const Values all{0.0, 1.0, -1.0, 2.0, 49.0, 941.0, 1e3, 1e-3, 1e-5, 1e-8, 1e-16, 1e-100};
    const auto pick = [&](std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(generator);
    };
    for (int trial = 0; trial < 1500; ++trial) {
        Values palette(1 + pick(5));
        for (double& value : palette) value = all[pick(all.size())];
        const std::size_t n = 2 + pick(40), period = trial % 2 == 0 ? n : 1 + pick(n);
        Tridiagonal matrix{Values(n), Values(n - 1)};
        for (std::size_t i = 0; i < n; ++i) {
            matrix.d[i] = i < period ? palette[pick(palette.size())] : matrix.d[i - period];
        }
        for (std::size_t i = 0; i + 1 < n; ++i) {
            matrix.e[i] = i < period ? palette[pick(palette.size())] : matrix.e[i - period];
        }
        check_certified(matrix);
    }
}

TEST_CASE("random and Hermite-like matrices") {
    std::mt19937_64 generator(12);
    std::normal_distribution<> normal;
    for (const std::size_t n : {2u, 3u, 30u, 150u}) {
        Tridiagonal matrix{Values(n), Values(n - 1)};
        for (double& value : matrix.d) value = normal(generator);
        for (double& value : matrix.e) value = normal(generator);
        check_against(matrix, reference_sturm::eigenvalues(matrix.d, matrix.e));
        for (double& value : matrix.e)
            value *= std::pow(10.0, -20.0 * std::fabs(normal(generator)));
        check_against(matrix, reference_sturm::eigenvalues(matrix.d, matrix.e));
    }
}

TEST_CASE("ranges of a tridiagonal matrix by index and by value") {
    constexpr std::size_t n = 50;
    const Tridiagonal matrix = toeplitz(n);
    const auto exact = toeplitz_spectrum(n, 1.0L);
    for_every_instruction_set([&] {
        SturmWorkspace workspace;
        Values found(5);
        tridiagonal_eigenvalues_by_sturm(matrix.d, matrix.e, 20, 24, {}, workspace, found);
        for (std::size_t i = 0; i < 5; ++i) CHECK(std::fabs(found[i] - exact[20 + i]) < 2e-15L);
        found.resize(n);
        for (const auto& [lower, upper] : {std::pair<double, double>{-5.0, -1.0},
                                           {0.5, 3.1},
                                           {2.9, infinity},
                                           {-infinity, infinity},
                                           {1.0, 1.0}}) {
            const Index count = tridiagonal_eigenvalues_between(matrix.d, matrix.e, lower, upper,
                                                                {}, workspace, found);
            std::size_t next = 0;
            for (const long double value : exact) {
                if (value <= lower || value > upper) continue;
                REQUIRE(next < static_cast<std::size_t>(count));
                CHECK(std::fabs(found[next++] - value) < 2e-15L);
            }
            CHECK(static_cast<Index>(next) == count);
        }
    });
}

TEST_CASE("counts of a tridiagonal matrix at any scale") {
    std::mt19937_64 generator(2);
    std::normal_distribution<> normal;
    for (const double scale : {1.0, 1e-150, 1e150}) {
        for (const std::size_t n : {1u, 2u, 9u, 700u}) {
            Tridiagonal matrix{Values(n), Values(n - 1)};
            for (double& value : matrix.d) value = scale * normal(generator);
            for (double& value : matrix.e) value = scale * normal(generator);
            Values squared_e = matrix.e, points{-infinity, -9.0 * scale, 9.0 * scale, infinity};
            for (double& value : squared_e) value *= value;
            for (int k = 0; k < 60; ++k) points.push_back(scale * (0.0811 * k - 2.5));
            for_every_instruction_set([&] {
                std::vector<Index> counts(points.size());
                count_tridiagonal(matrix.d, squared_e, points, counts);
                for (std::size_t k = 0; k < points.size(); ++k) {
                    CHECK(counts[k] == reference_sturm::count(matrix.d, matrix.e, points[k]));
                }
            });
        }
    }
}

TEST_CASE("counts of the zero matrix and refusals") {
    // Squares that underflow beside a diagonal that does not.
    std::vector<Index> two(2);
    count_tridiagonal(Values{1e-320, 3e-320}, Values{0.0}, Values{2e-320, 4e-320}, two);
    CHECK(two == std::vector<Index>{1, 2});
    const Values zeros(3, 0.0), couplings(2, 0.0), points{-1.0, 0.0, 1e-300};
    std::vector<Index> counts(3);
    count_tridiagonal(zeros, couplings, points, counts);
    CHECK(counts == std::vector<Index>{0, 0, 3});
    SturmWorkspace workspace;
    Values found(2);
    CHECK_THROWS_AS(count_tridiagonal(zeros, Values{1.0, -1.0}, points, counts), InvalidInput);
    CHECK_THROWS_AS(tridiagonal_eigenvalues_by_sturm(Values{1.0, infinity}, Values{1.0}, 0, 1, {},
                                                     workspace, found),
                    NonFinite);
    CHECK_THROWS_AS(
        (void)tridiagonal_eigenvalues_between(zeros, couplings, 0.0, 1.0, {}, workspace, found),
        InvalidInput);
}
