#include <cmath>

#include <doctest/doctest.h>

#include "htmu/common/errors.hpp"
#include "htmu/kappa/solver.hpp"
#include "htmu/structures/block_diagonal.hpp"
#include "htmu/structures/kronecker.hpp"
#include "htmu/structures/sampled.hpp"

using namespace htmu;

namespace {

KappaSolution selberg(StructuredLaw& law, ReferenceKind kind, double a, double tolerance,
                      int n_threads = 1, std::uint64_t seed = 1) {
    SolverOptions options;
    options.tolerance = tolerance;
    options.seed = seed;
    options.control.n_threads = n_threads;
    return solve_selberg(law, *make_reference(kind, law.matrix_size(), a), options);
}

}  // namespace

TEST_CASE("one block has kappa = block_beta n, by every reference that fixes the exponent") {
    for (const double block_beta : {1.0, 2.0, 4.0, 0.01}) {
        for (const ReferenceKind kind : {ReferenceKind::weight, ReferenceKind::shape}) {
            BlockDiagonalLaw law({4}, 0.5, block_beta);
            CHECK(selberg(law, kind, 0.5, 1e-3).kappa ==
                  doctest::Approx(4.0 * block_beta).epsilon(1e-7));
        }
    }
}

TEST_CASE("the reference's root inverts its mean") {
    for (const ReferenceKind kind : {ReferenceKind::weight, ReferenceKind::shape}) {
        for (const double beta : {1e-6, 1e-3, 0.7, 3.0, 500.0}) {
            CAPTURE(beta);
            const auto reference = make_reference(kind, 20, 1.5);
            const Moments moments = reference_moments(kind, {20, beta, 1.5, 1.0});
            CHECK(reference->solve({moments.mean, 0.0, 0.0}, 0.0) ==
                  doctest::Approx(beta).epsilon(1e-9));
        }
    }
}

TEST_CASE("the full reference recovers beta from exact means at any exponent and rate") {
    const auto reference = make_reference(ReferenceKind::full, 15, 0.0);
    for (const LaguerreParameters p :
         {LaguerreParameters{15, 0.5, 0.3, 1.0}, LaguerreParameters{15, 2.0, -0.7, 1e-3},
          LaguerreParameters{15, 0.02, 40.0, 1e5}}) {
        const ReferenceLaw::Responses means{log_vandermonde_moments(p).mean,
                                            log_determinant_moments(p).mean, trace_moments(p).mean};
        CHECK(reference->solve(means, 0.0) == doctest::Approx(p.beta).epsilon(1e-7));
    }
}

TEST_CASE("the slope of the sensitivity is the derivative of the mean") {
    for (const ReferenceKind kind : {ReferenceKind::weight, ReferenceKind::shape}) {
        const auto reference = make_reference(kind, 10, 0.5);
        const double h = 1e-5, beta = 0.8;
        const double difference = (reference_moments(kind, {10, beta + h, 0.5, 1.0}).mean -
                                   reference_moments(kind, {10, beta - h, 0.5, 1.0}).mean) /
                                  (2 * h);
        CHECK(reference->sensitivity(beta, {}).slope == doctest::Approx(difference).epsilon(1e-7));
    }
}

TEST_CASE("blocks of size 1 are at the boundary") {
    BlockDiagonalLaw law({1, 1, 1, 1}, 1.0, 1.0);
    const KappaSolution solution = selberg(law, ReferenceKind::weight, 1.0, 0.05);
    CHECK(solution.lower == 0.0);
    CHECK(solution.upper <= 0.1);
    CHECK(solution.converged);
}

TEST_CASE("the solution does not depend on the number of threads, to the last bit") {
    BlockDiagonalLaw blocks({3, 3, 3}, 1.0, 1.0);
    KroneckerLaw product({3, 3}, 1.0);
    for (StructuredLaw* law :
         {static_cast<StructuredLaw*>(&blocks), static_cast<StructuredLaw*>(&product)}) {
        const KappaSolution one = selberg(*law, ReferenceKind::shape, 1.0, 0.02, 1);
        for (const int n_threads : {2, 5}) {
            const KappaSolution many = selberg(*law, ReferenceKind::shape, 1.0, 0.02, n_threads);
            CHECK(many.kappa == one.kappa);
            CHECK(many.upper == one.upper);
            CHECK(many.n_samples == one.n_samples);
        }
    }
}

TEST_CASE("Algorithm 1 agrees with the Selberg solver, and does not depend on the threads") {
    BlockDiagonalLaw law({3, 3}, 1.0, 1.0);
    const KappaSolution exact = selberg(law, ReferenceKind::weight, 1.0, 0.003);
    SolverOptions options;
    options.tolerance = 0.08;
    options.seed = 5;
    const KappaSolution one = solve_robbins_monro(law, ReferenceKind::weight, 1.0, options, {});
    CHECK(one.converged);
    CHECK(std::abs(one.kappa - exact.kappa) < 4.0 * one.standard_error);
    options.control.n_threads = 3;
    const KappaSolution many = solve_robbins_monro(law, ReferenceKind::weight, 1.0, options, {});
    CHECK(many.kappa == one.kappa);
}

TEST_CASE("a tolerance out of reach gives the honest interval, not converged") {
    BlockDiagonalLaw law({3, 3}, 1.0, 1.0);
    SolverOptions options;
    options.tolerance = 1e-6;
    options.max_samples = 3000;
    const KappaSolution solution =
        solve_selberg(law, *make_reference(ReferenceKind::weight, 6, 1.0), options);
    CHECK_FALSE(solution.converged);
    // Whole pools of blocks.
    CHECK(solution.n_samples <= 3000);
    CHECK(solution.n_samples > 3000 - law.spectra_per_draw());
    CHECK(solution.upper - solution.lower > 1e-3);
    const KappaSolution stochastic =
        solve_robbins_monro(law, ReferenceKind::weight, 1.0, options, {});
    CHECK_FALSE(stochastic.converged);
    CHECK(stochastic.n_samples <= 3000);
}

TEST_CASE("repeated eigenvalues, tiny matrices and rigid spectra are refused") {
    std::vector<double> rows;
    for (int k = 0; k < 10; ++k) rows.insert(rows.end(), {1.0 + k, 2.0 + k, 2.0 + k});
    ArrayLaw repeated(rows, 3);
    CHECK_THROWS_AS(selberg(repeated, ReferenceKind::weight, 1.0, 0.1), RepeatedEigenvalue);
    CHECK_THROWS_AS((void)make_reference(ReferenceKind::weight, 1, 1.0), InvalidInput);
    for (std::size_t k = 0; k < rows.size(); ++k)
        rows[k] = 1e12 * (1.0 + static_cast<double>(k % 3));
    ArrayLaw rigid(rows, 3);
    SolverOptions options;
    CHECK_THROWS_AS(
        (void)solve_selberg(rigid, *make_reference(ReferenceKind::weight, 3, 1.0), options),
        ConvergenceFailure);
    CHECK_THROWS_AS((void)solve_robbins_monro(rigid, ReferenceKind::full, 1.0, options, {}),
                    InvalidInput);
}

TEST_CASE("a cancelled solve throws") {
    BlockDiagonalLaw law({3, 3}, 1.0, 1.0);
    CancelToken token;
    token.cancel();
    SolverOptions options;
    options.control.cancel = &token;
    CHECK_THROWS_AS(
        (void)solve_selberg(law, *make_reference(ReferenceKind::weight, 6, 1.0), options),
        Cancelled);
}
