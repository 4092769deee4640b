#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "ensembles/check_mean.hpp"
#include "htmu/common/errors.hpp"
#include "htmu/ensembles/batch.hpp"
#include "htmu/ensembles/laguerre.hpp"

using namespace htmu;

TEST_CASE("closed forms agree with samples of the bidiagonal model") {
    for (const LaguerreParameters p :
         {LaguerreParameters{2, 1.0, 0.0, 1.0}, LaguerreParameters{4, 2.0, -0.5, 0.3},
          LaguerreParameters{5, 0.0, 1.0, 2.0}, LaguerreParameters{6, 1e-4, 0.5, 1.0},
          LaguerreParameters{3, 100.0, 2.0, 1.0}}) {
        CAPTURE(p.n);
        CAPTURE(p.beta);
        constexpr Index size = 20000;
        std::vector<double> spectra(static_cast<std::size_t>(size * p.n));
        RunControl control;
        control.n_threads = 2;
        const LaguerreSampler model(p);
        std::vector<double> trace, log_determinant(size), squares, cubes, s(size);
        sample_spectra_batch(model, size, 99, control, {spectra, log_determinant, s});
        for (Index k = 0; k < size; ++k) {
            double sum = 0.0, sum_log = 0.0, sum_squares = 0.0, sum_cubes = 0.0;
            for (Index i = 0; i < p.n; ++i) {
                const double x = spectra[static_cast<std::size_t>(k * p.n + i)];
                sum += x;
                sum_log += std::log(x);
                sum_squares += x * x;
                sum_cubes += x * x * x;
            }
            trace.push_back(sum);
            CHECK(log_determinant[static_cast<std::size_t>(k)] ==
                  doctest::Approx(sum_log).epsilon(1e-11).scale(10.0));
            squares.push_back(sum_squares);
            cubes.push_back(sum_cubes);
        }
        check_moments(trace, trace_moments(p).mean, trace_moments(p).variance);
        check_mean(log_determinant, log_determinant_moments(p).mean);
        check_mean(squares, mean_sum_squares(p));
        check_mean(cubes, mean_sum_cubes(p));
        check_moments(s, log_vandermonde_moments(p).mean, log_vandermonde_moments(p).variance);
    }
}

TEST_CASE("matrix k depends neither on the batch nor on the threads") {
    const LaguerreSampler model({7, 0.5, 1.0, 1.0});
    std::vector<double> d1(70), e1(60), d2(21), e2(18);
    RunControl control;
    sample_matrices(model, 10, 5, control, d1, e1);
    control.n_threads = 4;
    sample_matrices(model, 3, 5, control, d2, e2);
    CHECK(std::equal(d2.begin(), d2.end(), d1.begin()));
    CHECK(std::equal(e2.begin(), e2.end(), e1.begin()));
}

TEST_CASE("both accuracies give the same eigenvalues and the exact determinant") {
    const LaguerreSampler sampler({12, 1.0, 0.5, 1.0});
    const StreamKey key(3, Purpose::ensemble);
    SpectraWorkspace workspace;
    std::vector<double> relative(12), absolute(12), log_determinant(1);
    sample_spectra(sampler, key, {0, 1}, EigenvalueAccuracy::relative, RunControl{}, workspace,
                   {relative, log_determinant, {}});
    sample_spectra(sampler, key, {0, 1}, EigenvalueAccuracy::absolute, RunControl{}, workspace,
                   {absolute, {}, {}});
    double sum_log = 0.0;
    for (std::size_t i = 0; i < 12; ++i) {
        CHECK(std::abs(relative[i] - absolute[i]) <= 1e-13 * relative[11]);
        sum_log += std::log(relative[i]);
    }
    CHECK(sum_log == doctest::Approx(log_determinant[0]).epsilon(1e-12));
    CHECK(sufficient_accuracy(-0.5) == EigenvalueAccuracy::relative);
    CHECK(sufficient_accuracy(0.0) == EigenvalueAccuracy::absolute);
}

TEST_CASE("a spectrum has the same bits alone, in any group and with any stride") {
    const LaguerreSampler sampler({9, 0.3, -0.5, 2.0});
    const StreamKey key(4, Purpose::ensemble);
    constexpr Index count = 45;
    SpectraWorkspace workspace;
    std::vector<double> spectra(count * 9), s(count), one(9), its(1);
    sample_spectra(sampler, key, {7, count, 3}, EigenvalueAccuracy::relative, RunControl{},
                   workspace, {spectra, {}, s});
    for (std::size_t k = 0; k < count; ++k) {
        sample_spectra(sampler, key, {7 + 3 * k, 1}, EigenvalueAccuracy::relative, RunControl{},
                       workspace, {one, {}, its});
        CHECK(std::equal(one.begin(), one.end(), spectra.begin() + static_cast<Index>(9 * k)));
        CHECK(its[0] == s[k]);
    }
}

TEST_CASE("logarithms of the eigenvalues: the same where these do not underflow") {
    const LaguerreSampler sampler({10, 0.2, -0.3, 1.0});
    std::vector<double> spectra(50), logarithms(50);
    sample_spectra_batch(sampler, 5, 3, {}, {spectra, {}, {}});
    sample_log_eigenvalues(sampler, 5, 3, {}, logarithms);
    for (std::size_t i = 0; i < 50; ++i) {
        CHECK(std::abs(logarithms[i] - std::log(spectra[i])) <
              2e-14 * std::max(1.0, std::abs(logarithms[i])));
    }
}

TEST_CASE("histograms count every eigenvalue") {
    for (const Index n : {Index{20}, Index{5000}}) {
        const LaguerreSampler sampler({n, 2.0, 0.0, 1.0});
        const std::vector<double> edges{-1.0, 0.0, 1e-3, 1.0, 10.0, 1e9};
        const Index size = n == 20 ? 40 : 1;
        std::vector<double> spectra(static_cast<std::size_t>(size * n));
        std::vector<std::int64_t> counts(5);
        RunControl control;
        control.n_threads = 2;
        sample_spectra_batch(sampler, size, 3, control, {spectra, {}, {}});
        sample_histogram(sampler, size, 3, edges, control, counts);
        for (std::size_t bin = 0; bin < counts.size(); ++bin) {
            CHECK(counts[bin] == std::count_if(spectra.begin(), spectra.end(), [&](double value) {
                      return value >= edges[bin] && value < edges[bin + 1];
                  }));
        }
    }
}

TEST_CASE("a single eigenvalue has no pairs, and parameters outside the domain are refused") {
    CHECK(log_vandermonde_moments(LaguerreParameters{1, 3.0, 0.5, 2.0}).mean == 0.0);
    CHECK(log_vandermonde_moments(LaguerreParameters{1, 3.0, 0.5, 2.0}).variance == 0.0);
    for (const LaguerreParameters p :
         {LaguerreParameters{0, 1.0, 0.0, 1.0}, LaguerreParameters{2, -1.0, 0.0, 1.0},
          LaguerreParameters{2, 1.0, -1.0, 1.0}, LaguerreParameters{2, 1.0, 0.0, 0.0},
          LaguerreParameters{2, NAN, 0.0, 1.0}, LaguerreParameters{2, 1.0, INFINITY, 1.0},
          LaguerreParameters{2, 1.0, 0.0, 5e-324}}) {
        CHECK_THROWS_AS(check_parameters(p), InvalidInput);
    }
}
