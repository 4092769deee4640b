#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/lockstep_bidiagonal.hpp"
#include "htmu/linalg/lockstep_qr.hpp"
#include "instruction_sets.hpp"

namespace {

using htmu::Index;
using htmu::lockstep_lanes;
using Values = std::vector<double>;

struct Bidiagonal {
    Values q, e;
};

/// Eigenvalues of B B^T below x, from q and e alone: negative pivots q_i + t_i of B B^T - x, where
/// t_{i+1} = t_i e_i / (q_i + t_i) - x (differential stationary qd).
Index count_below(const Bidiagonal& bidiagonal, long double x) {
    Index count = 0;
    long double t = -x;
    for (std::size_t i = 0; i < bidiagonal.q.size(); ++i) {
        long double pivot = bidiagonal.q[i] + t;
        if (pivot == 0.0L) pivot = std::numeric_limits<long double>::min();
        count += pivot < 0.0L ? 1 : 0;
        if (i < bidiagonal.e.size()) t = t / pivot * bidiagonal.e[i] - x;
    }
    return count;
}

/// Whether eigenvalue number i lies within the error of x.
bool holds_eigenvalue(const Bidiagonal& bidiagonal, Index i, double x, double error) {
    const auto centre = static_cast<long double>(x);
    return count_below(bidiagonal, centre - error) <= i &&
           count_below(bidiagonal, centre + error) > i;
}

void store_lane(const Bidiagonal& bidiagonal, double* q, double* e) {
    for (const double value : bidiagonal.q) {
        *q = value;
        q += lockstep_lanes;
    }
    for (const double value : bidiagonal.e) {
        *e = value;
        e += lockstep_lanes;
    }
}

/// Squares spread over so many decades: most eigenvalues lie within the error of QR from others.
Bidiagonal graded_bidiagonal(Index n, double decades, std::mt19937_64& random) {
    std::uniform_real_distribution<double> exponent(-decades, 0.0);
    Bidiagonal bidiagonal;
    for (Index i = 0; i < n; ++i) {
        bidiagonal.q.push_back(std::pow(10.0, exponent(random)));
        if (i < n - 1) bidiagonal.e.push_back(std::pow(10.0, exponent(random)));
    }
    return bidiagonal;
}

Bidiagonal laguerre_bidiagonal(Index n, double beta, double last_shape, std::mt19937_64& random) {
    Bidiagonal bidiagonal;
    for (Index i = 0; i < n; ++i) {
        const double left = double(n - 1 - i) * beta / 2.0;
        bidiagonal.q.push_back(std::gamma_distribution<double>(left + last_shape)(random));
        if (i < n - 1) bidiagonal.e.push_back(std::gamma_distribution<double>(left)(random));
    }
    return bidiagonal;
}

TEST_CASE("lockstep bidiagonal: relative accuracy from the first certain eigenvalue up") {
    for_each_instruction_set([] {
        std::mt19937_64 random(8);
        for (const Index n : {1, 2, 3, 10, 55, 56, 57, 113, 300}) {
            CAPTURE(n);
            std::vector<Bidiagonal> all;
            for (int k = 0; k < 8; ++k) all.push_back(laguerre_bidiagonal(n, 2.0, 0.5, random));
            for (int k = 0; k < 8; ++k) {
                all.push_back(laguerre_bidiagonal(n, 2.0 / double(n), 0.5, random));
            }
            for (int k = 0; k < 8; ++k) {
                all.push_back(laguerre_bidiagonal(n, 2.0 / double(n), 0.05, random));
            }
            for (int k = 0; k < 4; ++k) {
                Bidiagonal small = laguerre_bidiagonal(n, 2.0, 3.0, random);
                for (double& x : small.q) x *= k < 2 ? 1e-290 : 1e290;
                for (double& x : small.e) x *= k < 2 ? 1e-290 : 1e290;
                all.push_back(small);
            }
            const std::size_t size = static_cast<std::size_t>(n);
            all.push_back({Values(size, 1.0), Values(size - 1, 1.0)});
            all.push_back({Values(size, 1.0), Values(size - 1, 0.0)});
            all.push_back({Values(size, 0.0), Values(size - 1, 0.0)});
            all.push_back({Values(size, std::nan("")), Values(size - 1, 1.0)});
            const Index lanes = static_cast<Index>(all.size());
            CHECK(lanes == 32);
            htmu::LockstepWorkspace workspace, memory;
            double* q = memory.rows(3 * n);
            double* e = q + n * lockstep_lanes;
            double* eigenvalues = e + n * lockstep_lanes;
            for (Index k = 0; k < lanes; ++k) {
                store_lane(all[static_cast<std::size_t>(k)], q + k, e + k);
            }
            Index uncertain[lockstep_lanes];
            htmu::lockstep_bidiagonal_eigenvalues(n, lanes, q, e, workspace, eigenvalues,
                                                  uncertain);
            for (Index k = 0; k < lanes; ++k) {
                CAPTURE(k);
                const Bidiagonal& bidiagonal = all[static_cast<std::size_t>(k)];
                const double largest = eigenvalues[(n - 1) * lockstep_lanes + k];
                if (k == 31) {
                    CHECK(std::isnan(largest));
                    CHECK(uncertain[k] == 0);
                    continue;
                }
                int wrong = 0, too_modest = 0;
                for (Index i = 0; i < n; ++i) {
                    const double x = eigenvalues[i * lockstep_lanes + k];
                    const bool certain = i >= uncertain[k];
                    const double error =
                        certain ? 1e-14 * x : 1e-15 * std::sqrt(double(n)) * largest;
                    wrong += holds_eigenvalue(bidiagonal, i, x, error) ? 0 : 1;
                    too_modest += !certain && x > 1e-7 * largest ? 1 : 0;
                }
                CHECK((wrong == 0 || largest == 0.0));
                if (k < 28) CHECK(too_modest == 0);
            }
        }
    });
}

TEST_CASE("lockstep bidiagonal: each lane for itself, and the product with the transpose") {
    for_each_instruction_set([] {
        std::mt19937_64 random(9);
        const Index n = 60;
        htmu::LockstepWorkspace workspace, memory;
        double* q = memory.rows(6 * n);
        double* e = q + n * lockstep_lanes;
        double* together = e + n * lockstep_lanes;
        double* alone = together + n * lockstep_lanes;
        double* diagonal = alone + n * lockstep_lanes;
        double* squared = diagonal + n * lockstep_lanes;
        for (Index k = 0; k < lockstep_lanes; ++k) {
            const double beta = k % 2 == 0 ? 2.0 : 2.0 / double(n);
            store_lane(laguerre_bidiagonal(n, beta, 0.1, random), q + k, e + k);
        }
        htmu::lockstep_product_with_transpose(n, lockstep_lanes, q, e, diagonal, squared);
        for (Index k = 0; k < n * lockstep_lanes; ++k) {
            const Index above = k - lockstep_lanes;
            CHECK(diagonal[k] == q[k] + (above >= 0 ? e[above] : 0.0));
            if (k < (n - 1) * lockstep_lanes) CHECK(squared[k] == q[k] * e[k]);
        }
        Index uncertain[lockstep_lanes], uncertain_alone[lockstep_lanes];
        htmu::lockstep_bidiagonal_eigenvalues(n, lockstep_lanes, q, e, workspace, together,
                                              uncertain);
        for (Index k = 0; k < lockstep_lanes; ++k) {
            // The matrix of lane k in another lane, beside matrices of zeros.
            const Index lane = (k * 5 + 3) % lockstep_lanes;
            std::fill(diagonal, diagonal + 2 * n * lockstep_lanes, 0.0);
            for (Index i = 0; i < n; ++i) {
                diagonal[i * lockstep_lanes + lane] = q[i * lockstep_lanes + k];
                squared[i * lockstep_lanes + lane] = e[i * lockstep_lanes + k];
            }
            htmu::lockstep_bidiagonal_eigenvalues(n, lane + 1, diagonal, squared, workspace, alone,
                                                  uncertain_alone);
            CHECK(uncertain_alone[lane] == uncertain[k]);
            int different = 0;
            for (Index i = 0; i < n; ++i) {
                different +=
                    alone[i * lockstep_lanes + lane] != together[i * lockstep_lanes + k] ? 1 : 0;
            }
            CHECK(different == 0);
        }
    });
}

TEST_CASE("lockstep bidiagonal: eigenvalues closer than the error of QR are told apart") {
    for_each_instruction_set([] {
        std::mt19937_64 random(10);
        for (const Index n : {4, 6, 10}) {
            htmu::BidiagonalWorkspace workspace;
            htmu::LockstepWorkspace memory;
            double* q = memory.rows(3 * n);
            double* e = q + n * lockstep_lanes;
            double* eigenvalues = e + n * lockstep_lanes;
            int wrong = 0, out_of_order = 0;
            for (int group = 0; group < 400; ++group) {
                std::vector<Bidiagonal> all;
                for (Index k = 0; k < lockstep_lanes; ++k) {
                    all.push_back(graded_bidiagonal(n, 12.0 + 6.0 * double(k % 4), random));
                    store_lane(all.back(), q + k, e + k);
                }
                htmu::lockstep_bidiagonal_spectra(n, lockstep_lanes, q, e, htmu::RunControl{},
                                                  workspace, eigenvalues);
                for (Index k = 0; k < lockstep_lanes; ++k) {
                    double before = 0.0;
                    for (Index i = 0; i < n; ++i) {
                        const double x = eigenvalues[i * lockstep_lanes + k];
                        const auto& bidiagonal = all[static_cast<std::size_t>(k)];
                        wrong += holds_eigenvalue(bidiagonal, i, x, 1e-14 * x) ? 0 : 1;
                        out_of_order += x < before ? 1 : 0;
                        before = x;
                    }
                }
            }
            CAPTURE(n);
            CHECK(wrong == 0);
            CHECK(out_of_order == 0);
        }
    });
}

TEST_CASE("lockstep bidiagonal: a long solve stops half-way") {
    for_each_instruction_set([] {
        const Index n = 20'000;
        htmu::BidiagonalWorkspace workspace;
        htmu::LockstepWorkspace memory;
        double* q = memory.rows(3 * n);
        std::fill(q, q + 2 * n * lockstep_lanes, 1.0);
        htmu::RunControl control;
        int asked = 0;
        control.interrupted = [&] { return ++asked > 1; };
        CHECK_THROWS_AS(
            htmu::lockstep_bidiagonal_spectra(n, lockstep_lanes, q, q + n * lockstep_lanes, control,
                                              workspace, q + 2 * n * lockstep_lanes),
            htmu::Cancelled);
        CHECK(asked == 2);
    });
}

}  // namespace
