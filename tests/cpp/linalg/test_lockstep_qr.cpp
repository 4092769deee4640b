#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "htmu/linalg/lockstep_qr.hpp"
#include "instruction_sets.hpp"

namespace {

using htmu::Index;
using htmu::lockstep_lanes;
using Values = std::vector<double>;

struct Matrix {
    Values d, e;
};

/// Eigenvalues below x: negative pivots of T - x, in extended precision.
Index count_below(const Matrix& matrix, long double x) {
    Index count = 0;
    long double pivot = 1.0L;
    for (std::size_t i = 0; i < matrix.d.size(); ++i) {
        const long double e = i > 0 ? matrix.e[i - 1] : 0.0L;
        pivot = matrix.d[i] - x - e * (e / pivot);
        if (pivot == 0.0L) pivot = std::numeric_limits<long double>::min();
        count += pivot < 0.0L ? 1 : 0;
    }
    return count;
}

/// 1e-15 sqrt(n) |T|, where |T| is the largest magnitude of an eigenvalue; results that are
/// subnormal carry an error of half a unit of 5e-324 besides.
long double tolerance_for(const Values& eigenvalues) {
    const double norm = std::max(std::abs(eigenvalues.front()), std::abs(eigenvalues.back()));
    return 1e-15L * std::sqrt(static_cast<long double>(eigenvalues.size())) * norm +
           std::numeric_limits<double>::denorm_min();
}

/// How many of the eigenvalues are not within the tolerance of the matrix's, by Sturm counts.
int wrong_eigenvalues(const Matrix& matrix, const Values& eigenvalues) {
    const long double tolerance = tolerance_for(eigenvalues);
    int wrong = 0;
    for (std::size_t k = 0; k < eigenvalues.size(); ++k) {
        const Index rank = static_cast<Index>(k);
        const bool right = count_below(matrix, eigenvalues[k] - tolerance) <= rank &&
                           count_below(matrix, eigenvalues[k] + tolerance) > rank;
        wrong += right ? 0 : 1;
    }
    return wrong;
}

std::vector<Values> eigenvalues_of(const std::vector<Matrix>& matrices) {
    const Index count = static_cast<Index>(matrices.size());
    const Index n = static_cast<Index>(matrices[0].d.size());
    Values d, e;
    for (const Matrix& matrix : matrices) {
        d.insert(d.end(), matrix.d.begin(), matrix.d.end());
        e.insert(e.end(), matrix.e.begin(), matrix.e.end());
    }
    Values out(static_cast<std::size_t>(count * n));
    htmu::LockstepWorkspace workspace;
    CHECK(htmu::lockstep_tridiagonal_eigenvalues(count, n, d.data(), n, e.data(), n - 1,
                                                 htmu::RunControl{}, workspace, out.data(), n));
    std::vector<Values> eigenvalues;
    for (Index k = 0; k < count; ++k) {
        eigenvalues.emplace_back(out.begin() + k * n, out.begin() + (k + 1) * n);
    }
    return eigenvalues;
}

double chi(double freedom, std::mt19937_64& random) {
    return std::sqrt(2.0 * std::gamma_distribution<double>(freedom / 2.0)(random));
}

/// B^T B of the bidiagonal matrix of the beta-Laguerre ensemble with this last shape.
Matrix laguerre(Index n, double beta, double last_shape, std::mt19937_64& random) {
    Matrix matrix;
    double above = 0.0;
    for (Index i = 0; i < n; ++i) {
        const double left = double(n - 1 - i);
        const double x = chi(beta * left + 2.0 * last_shape, random);
        matrix.d.push_back(x * x + above * above);
        if (i == n - 1) break;
        above = chi(beta * left, random);
        matrix.e.push_back(x * above);
    }
    return matrix;
}

Matrix hermite(Index n, double beta, std::mt19937_64& random) {
    Matrix matrix;
    for (Index i = 0; i < n; ++i) {
        matrix.d.push_back(std::normal_distribution<double>(0.0, std::sqrt(2.0))(random));
        if (i < n - 1) matrix.e.push_back(chi(beta * double(n - 1 - i), random));
    }
    return matrix;
}

Matrix uniform(Index n, std::mt19937_64& random) {
    std::uniform_real_distribution<double> uniform_values(-1.0, 1.0);
    Matrix matrix;
    for (Index i = 0; i < n; ++i) matrix.d.push_back(uniform_values(random));
    for (Index i = 0; i + 1 < n; ++i) matrix.e.push_back(uniform_values(random));
    return matrix;
}

/// Row and column i scaled by factor^i.
Matrix graded(Matrix matrix, double factor) {
    for (std::size_t i = 0; i < matrix.d.size(); ++i) {
        matrix.d[i] *= std::pow(factor, 2.0 * double(i));
        if (i < matrix.e.size()) matrix.e[i] *= std::pow(factor, 2.0 * double(i) + 1.0);
    }
    return matrix;
}

/// Wilkinson's W21+ repeated, held together by `glue`: eigenvalues in clusters.
Matrix glued_wilkinson(Index n, double glue) {
    Matrix matrix;
    for (Index i = 0; i < n; ++i) {
        matrix.d.push_back(std::abs(10.0 - double(i % 21)));
        if (i < n - 1) matrix.e.push_back(i % 21 == 20 ? glue : 1.0);
    }
    return matrix;
}

Matrix toeplitz(Index n) {
    return {Values(static_cast<std::size_t>(n), 2.0),
            Values(static_cast<std::size_t>(n - 1), -1.0)};
}

/// Clement's matrix: eigenvalues n - 1, n - 3, .., 1 - n.
Matrix clement(Index n) {
    Matrix matrix{Values(static_cast<std::size_t>(n), 0.0), {}};
    for (Index i = 1; i < n; ++i) matrix.e.push_back(std::sqrt(double(i) * double(n - i)));
    return matrix;
}

Matrix scaled(Matrix matrix, double factor) {
    for (double& x : matrix.d) x *= factor;
    for (double& x : matrix.e) x *= factor;
    return matrix;
}

/// 32 matrices of all kinds, their order shuffled.
std::vector<Matrix> assortment(Index n, std::mt19937_64& random) {
    std::vector<Matrix> all;
    for (int k = 0; k < 4; ++k) all.push_back(laguerre(n, 2.0, 0.5, random));
    for (int k = 0; k < 3; ++k) all.push_back(laguerre(n, 2.0 / double(n), 0.5, random));
    for (int k = 0; k < 3; ++k) all.push_back(laguerre(n, 2.0 / double(n), 0.05, random));
    for (int k = 0; k < 3; ++k) all.push_back(hermite(n, 1.0, random));
    for (int k = 0; k < 3; ++k) all.push_back(uniform(n, random));
    all.push_back(graded(uniform(n, random), 0.5));
    all.push_back(graded(uniform(n, random), 0.01));
    all.push_back(graded(scaled(uniform(n, random), std::pow(0.5, double(n))), 1.5));
    all.push_back(glued_wilkinson(n, 1.0));
    all.push_back(glued_wilkinson(n, 1e-8));
    all.push_back(glued_wilkinson(n, 1e-15));
    all.push_back(toeplitz(n));
    all.push_back(clement(n));
    const std::size_t size = static_cast<std::size_t>(n);
    all.push_back({Values(size, 0.0), Values(size - 1, 0.0)});
    all.push_back({Values(size, 1.0), Values(size - 1, 0.0)});
    all.push_back({Values(size, 0.0), Values(size - 1, 1.0)});
    Matrix split = uniform(n, random);
    for (std::size_t i = 0; i + 1 < size; i += 3) split.e[i] = 0.0;
    all.push_back(split);
    for (std::size_t i = 0; i + 1 < size; i += 3) split.e[i] = 3 * 5e-324;
    all.push_back(split);
    all.push_back(scaled(laguerre(n, 2.0, 0.5, random), 1e-150));
    all.push_back(scaled(laguerre(n, 2.0, 0.5, random), 1e150));
    all.push_back(scaled(uniform(n, random), 1e-310));
    std::shuffle(all.begin(), all.end(), random);
    CHECK(all.size() == 32);
    return all;
}

TEST_CASE("lockstep QR: every eigenvalue of every kind of matrix") {
    for_each_instruction_set([] {
        std::mt19937_64 random(1);
        for (const Index n : {1, 2, 3, 4, 5, 8, 10, 16, 31, 64, 150}) {
            CAPTURE(n);
            const std::vector<Matrix> matrices = assortment(n, random);
            const std::vector<Values> eigenvalues = eigenvalues_of(matrices);
            for (std::size_t k = 0; k < matrices.size(); ++k) {
                CAPTURE(k);
                CHECK(std::is_sorted(eigenvalues[k].begin(), eigenvalues[k].end()));
                CHECK(wrong_eigenvalues(matrices[k], eigenvalues[k]) == 0);
            }
        }
    });
}

TEST_CASE("lockstep QR: large matrices") {
    for_each_instruction_set([] {
        std::mt19937_64 random(2);
        for (const Index n : {500, 1200}) {
            CAPTURE(n);
            const std::vector<Matrix> matrices = {
                laguerre(n, 2.0, 0.5, random), laguerre(n, 2.0 / double(n), 0.05, random),
                hermite(n, 2.0, random), glued_wilkinson(n, 1e-8)};
            const std::vector<Values> eigenvalues = eigenvalues_of(matrices);
            for (std::size_t k = 0; k < matrices.size(); ++k) {
                CAPTURE(k);
                CHECK(wrong_eigenvalues(matrices[k], eigenvalues[k]) == 0);
                // Trace and Frobenius norm.
                long double trace = 0.0L, squares = 0.0L, sum = 0.0L, sum_of_squares = 0.0L;
                for (const double x : matrices[k].d) trace += x, squares += x * (long double)x;
                for (const double x : matrices[k].e) squares += 2.0L * x * x;
                for (const double x : eigenvalues[k]) {
                    sum += x, sum_of_squares += x * (long double)x;
                }
                const double norm = std::max(-eigenvalues[k].front(), eigenvalues[k].back());
                CHECK(std::abs(double(sum - trace)) < 1e-15 * double(n) * norm);
                CHECK(std::abs(double(sum_of_squares / squares - 1.0L)) < 1e-14);
            }
        }
    });
}

TEST_CASE("lockstep QR: known spectra") {
    for_each_instruction_set([] {
        for (const Index n : {2, 7, 40, 301}) {
            CAPTURE(n);
            const std::vector<Values> eigenvalues = eigenvalues_of({toeplitz(n), clement(n)});
            double worst_toeplitz = 0.0, worst_clement = 0.0;
            for (Index k = 0; k < n; ++k) {
                const std::size_t i = static_cast<std::size_t>(k);
                const double sine = std::sin(double(k + 1) * std::acos(-1.0) / double(2 * n + 2));
                worst_toeplitz =
                    std::max(worst_toeplitz, std::abs(eigenvalues[0][i] - 4.0 * sine * sine));
                worst_clement =
                    std::max(worst_clement, std::abs(eigenvalues[1][i] - double(2 * k - n + 1)));
            }
            CHECK(worst_toeplitz < 1e-15 * std::sqrt(double(n)) * 2.0);
            CHECK(worst_clement < 1e-15 * std::sqrt(double(n)) * double(n));
        }
    });
}

TEST_CASE("lockstep QR: a matrix's eigenvalues do not depend on its lane or neighbours") {
    for_each_instruction_set([] {
        std::mt19937_64 random(3);
        for (const Index n : {3, 10, 37, 100}) {
            CAPTURE(n);
            std::vector<Matrix> matrices = assortment(n, random);
            const std::vector<Values> together = eigenvalues_of(matrices);
            for (std::size_t k = 0; k < matrices.size(); ++k) {
                CHECK(eigenvalues_of({matrices[k]})[0] == together[k]);
            }
            for (std::size_t count = 1; count <= matrices.size(); ++count) {
                std::vector<Matrix> fewer(matrices.begin(),
                                          matrices.begin() + static_cast<Index>(count));
                const std::vector<Values> apart = eigenvalues_of(fewer);
                CHECK(std::equal(apart.begin(), apart.end(), together.begin()));
            }
            std::vector<std::size_t> order(matrices.size());
            std::iota(order.begin(), order.end(), std::size_t{0});
            std::shuffle(order.begin(), order.end(), random);
            std::vector<Matrix> shuffled;
            for (const std::size_t k : order) shuffled.push_back(matrices[k]);
            const std::vector<Values> moved = eigenvalues_of(shuffled);
            for (std::size_t k = 0; k < order.size(); ++k) CHECK(moved[k] == together[order[k]]);
        }
    });
}

TEST_CASE("lockstep QR: scaling by a power of 2 scales the eigenvalues exactly") {
    for_each_instruction_set([] {
        std::mt19937_64 random(4);
        const Matrix matrix = uniform(20, random);
        std::vector<Matrix> matrices;
        std::vector<int> exponents = {0, 1, -1, 37, -400, 400, 900, -900, 1022, -960};
        for (const int k : exponents) matrices.push_back(scaled(matrix, std::ldexp(1.0, k)));
        const std::vector<Values> eigenvalues = eigenvalues_of(matrices);
        for (std::size_t k = 0; k < exponents.size(); ++k) {
            CAPTURE(exponents[k]);
            for (std::size_t i = 0; i < 20; ++i) {
                CHECK(eigenvalues[k][i] == std::ldexp(eigenvalues[0][i], exponents[k]));
            }
        }
    });
}

TEST_CASE("lockstep QR: a matrix that is not finite gives NaN and disturbs no other") {
    for_each_instruction_set([] {
        std::mt19937_64 random(5);
        const double bad[] = {std::nan(""), std::numeric_limits<double>::infinity(),
                              -std::numeric_limits<double>::infinity()};
        for (const Index n : {1, 2, 10, 33}) {
            std::vector<Matrix> matrices = assortment(n, random);
            const std::vector<Values> before = eigenvalues_of(matrices);
            matrices[3].d[static_cast<std::size_t>(n / 2)] = bad[0];
            matrices[9].d[0] = bad[1];
            matrices[30].d[static_cast<std::size_t>(n - 1)] = bad[2];
            if (n > 1) matrices[16].e[0] = bad[0];
            const std::vector<Values> after = eigenvalues_of(matrices);
            for (std::size_t k = 0; k < matrices.size(); ++k) {
                CAPTURE(k);
                if (k == 3 || k == 9 || k == 30 || (k == 16 && n > 1)) {
                    for (const double x : after[k]) CHECK(std::isnan(x));
                } else {
                    CHECK(after[k] == before[k]);
                }
            }
        }
    });
}

TEST_CASE("lockstep QR: squared off-diagonals side by side") {
    for_each_instruction_set([] {
        std::mt19937_64 random(6);
        const Index n = 24, lanes = 13;
        htmu::LockstepWorkspace workspace;
        double* diagonal = workspace.rows(3 * n);
        double* squared = diagonal + n * lockstep_lanes;
        double* eigenvalues = squared + n * lockstep_lanes;
        std::fill(diagonal, diagonal + 3 * n * lockstep_lanes, std::nan(""));
        std::vector<Matrix> matrices;
        for (Index k = 0; k < lanes; ++k) {
            matrices.push_back(scaled(uniform(n, random), std::pow(10.0, double(20 * (k - 7)))));
            for (Index i = 0; i < n; ++i) {
                const std::size_t at = static_cast<std::size_t>(i);
                diagonal[i * lockstep_lanes + k] = matrices.back().d[at];
                if (i == n - 1) continue;
                squared[i * lockstep_lanes + k] = matrices.back().e[at] * matrices.back().e[at];
            }
        }
        squared[5 * lockstep_lanes + 4] = -1.0;
        CHECK(htmu::lockstep_eigenvalues(n, lanes, diagonal, squared, eigenvalues) == 0u);
        for (Index k = 0; k < lanes; ++k) {
            CAPTURE(k);
            Values values;
            for (Index i = 0; i < n; ++i) values.push_back(eigenvalues[i * lockstep_lanes + k]);
            const Matrix& matrix = matrices[static_cast<std::size_t>(k)];
            if (k == 4) {
                CHECK(std::all_of(values.begin(), values.end(),
                                  [](double x) { return std::isnan(x); }));
            } else {
                CHECK(wrong_eigenvalues(matrix, values) == 0);
            }
        }
    });
}

TEST_CASE("lockstep sort: every number of rows") {
    for_each_instruction_set([] {
        std::mt19937_64 random(7);
        std::uniform_int_distribution<int> small(-20, 20);
        htmu::LockstepWorkspace workspace;
        for (Index n = 1; n <= 70; ++n) {
            for (const Index lanes : {1, 5, 32}) {
                CAPTURE(n);
                double* values = workspace.rows(n);
                for (Index i = 0; i < n * lockstep_lanes; ++i) values[i] = small(random);
                Values before(values, values + n * lockstep_lanes);
                htmu::lockstep_sort(n, lanes, values);
                for (Index k = 0; k < lanes; ++k) {
                    Values wanted, found;
                    for (Index i = 0; i < n; ++i) {
                        const std::size_t at = static_cast<std::size_t>(i * lockstep_lanes + k);
                        wanted.push_back(before[at]);
                        found.push_back(values[at]);
                    }
                    std::sort(wanted.begin(), wanted.end());
                    CHECK(found == wanted);
                }
            }
        }
    });
}

}  // namespace
