#include <algorithm>
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "ensembles/check_mean.hpp"
#include "htmu/common/errors.hpp"
#include "htmu/ensembles/batch.hpp"
#include "htmu/ensembles/hermite.hpp"

using namespace htmu;

TEST_CASE("Hermite: closed forms agree with samples of the tridiagonal model") {
    for (const HermiteParameters p :
         {HermiteParameters{2, 1.0, 1.0}, HermiteParameters{4, 2.0, 0.3},
          HermiteParameters{5, 0.0, 2.0}, HermiteParameters{6, 1e-4, 1.0},
          HermiteParameters{3, 100.0, 5.0}}) {
        CAPTURE(p.n);
        CAPTURE(p.beta);
        constexpr Index size = 20000;
        const HermiteSampler model(p);
        std::vector<double> spectra(static_cast<std::size_t>(size * p.n)), s(size);
        RunControl control;
        control.n_threads = 2;
        sample_spectra_batch(model, size, 17, control, {spectra, {}, s});
        std::vector<double> trace, squares;
        for (Index k = 0; k < size; ++k) {
            double sum = 0.0, sum_squares = 0.0;
            for (Index i = 0; i < p.n; ++i) {
                const double x = spectra[static_cast<std::size_t>(k * p.n + i)];
                sum += x;
                sum_squares += x * x;
            }
            trace.push_back(sum);
            squares.push_back(sum_squares);
        }
        check_moments(trace, trace_moments(p).mean, trace_moments(p).variance);
        check_moments(squares, sum_squares_moments(p).mean, sum_squares_moments(p).variance);
        check_moments(s, log_vandermonde_moments(p).mean, log_vandermonde_moments(p).variance);
    }
}

TEST_CASE("Hermite: matrix k depends neither on the batch nor on the threads") {
    const HermiteSampler model({7, 0.5, 1.0});
    std::vector<double> d1(70), e1(60), d2(21), e2(18), row(7), off(6);
    RunControl control;
    sample_matrices(model, 10, 5, control, d1, e1);
    control.n_threads = 4;
    sample_matrices(model, 3, 5, control, d2, e2);
    CHECK(std::equal(d2.begin(), d2.end(), d1.begin()));
    CHECK(std::equal(e2.begin(), e2.end(), e1.begin()));
    model.sample(StreamKey(5, Purpose::ensemble), 2, row, off);
    CHECK(std::equal(row.begin(), row.end(), d1.begin() + 14));
    CHECK(std::equal(off.begin(), off.end(), e1.begin() + 12));
}

TEST_CASE("Hermite: one eigenvalue has no pairs; parameters outside the domain are refused") {
    CHECK(log_vandermonde_moments(HermiteParameters{1, 3.0, 2.0}).mean == 0.0);
    CHECK(log_vandermonde_moments(HermiteParameters{1, 3.0, 2.0}).variance == 0.0);
    for (const HermiteParameters p :
         {HermiteParameters{0, 1.0, 1.0}, HermiteParameters{2, -1.0, 1.0},
          HermiteParameters{2, 1.0, 0.0}, HermiteParameters{2, NAN, 1.0},
          HermiteParameters{2, 1.0, INFINITY}, HermiteParameters{2, 1.0, 5e-324}}) {
        CHECK_THROWS_AS(check_parameters(p), InvalidInput);
        CHECK_THROWS_AS(HermiteSampler{p}, InvalidInput);
    }
}
