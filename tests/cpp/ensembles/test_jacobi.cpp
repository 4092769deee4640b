#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "ensembles/check_mean.hpp"
#include "htmu/common/errors.hpp"
#include "htmu/ensembles/batch.hpp"
#include "htmu/ensembles/jacobi.hpp"
#include "htmu/special/digamma.hpp"

using namespace htmu;

TEST_CASE("Jacobi: closed forms agree with samples of the bidiagonal model") {
    for (const JacobiParameters p :
         {JacobiParameters{2, 1.0, 0.0, 0.0}, JacobiParameters{4, 2.0, -0.5, 0.3},
          JacobiParameters{5, 0.0, 1.0, 2.0}, JacobiParameters{6, 1e-4, 0.5, 1.0},
          JacobiParameters{3, 100.0, 2.0, 60.0}}) {
        CAPTURE(p.n);
        CAPTURE(p.beta);
        constexpr Index size = 20000;
        const JacobiSampler model(p);
        std::vector<double> spectra(static_cast<std::size_t>(size * p.n)), s(size);
        RunControl control;
        control.n_threads = 2;
        sample_spectra_batch(model, size, 23, control, {spectra, {}, s});
        std::vector<double> trace, log_determinant, log_complement;
        for (Index k = 0; k < size; ++k) {
            double sum = 0.0, sum_log = 0.0, sum_log_complement = 0.0;
            for (Index i = 0; i < p.n; ++i) {
                const double x = spectra[static_cast<std::size_t>(k * p.n + i)];
                sum += x;
                sum_log += std::log(x);
                sum_log_complement += std::log1p(-x);
            }
            trace.push_back(sum);
            log_determinant.push_back(sum_log);
            log_complement.push_back(sum_log_complement);
        }
        const Moments determinant = log_determinant_moments(p);
        const Moments complement = log_complement_moments(p);
        check_moments(trace, trace_moments(p).mean, trace_moments(p).variance);
        check_moments(log_determinant, determinant.mean, determinant.variance);
        check_moments(log_complement, complement.mean, complement.variance);
        check_moments(s, log_vandermonde_moments(p).mean, log_vandermonde_moments(p).variance);
    }
}

TEST_CASE("Jacobi: matrix k depends neither on the batch nor on the threads") {
    const JacobiSampler model({7, 0.5, 1.0, -0.5});
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

TEST_CASE("rotations keep a tiny cosine and a tiny sine, and follow the Beta law") {
    const StreamKey key(9, Purpose::ensemble);
    struct Shapes {
        double p, q;
    };
    for (const Shapes shapes : {Shapes{0.02, 3.0}, Shapes{3.0, 0.02}, Shapes{2.0, 5.0},
                                Shapes{0.3, 0.4}, Shapes{1e7, 1e-9}, Shapes{1e-9, 1e-9}}) {
        CAPTURE(shapes.p);
        CAPTURE(shapes.q);
        const RotationLaw law(shapes.p, shapes.q);
        std::vector<double> squares, log_cosines;
        for (std::uint64_t k = 0; k < 20000; ++k) {
            Stream of_cosine(key, k, 0), of_sine(key, k, 1);
            const Rotation r = law.variate(of_cosine, of_sine);
            REQUIRE(std::abs(r.cosine * r.cosine + r.sine * r.sine - 1.0) <= 1e-15);
            squares.push_back(r.cosine * r.cosine);
            log_cosines.push_back(2.0 * std::log(r.cosine));
        }
        // Below, the mean hangs on draws too rare for the sample, or the cosine underflows.
        if (std::min(shapes.p, shapes.q) < 0.02) continue;
        check_mean(squares, shapes.p / (shapes.p + shapes.q));
        check_moments(log_cosines, -digamma_difference(shapes.p, shapes.q),
                      trigamma_difference(shapes.p, shapes.q));
    }
}

TEST_CASE("Jacobi: eigenvalues that round to 1 are counted below 1") {
    for (const Index n : {Index{10}, max_lockstep_size + 1}) {
        const JacobiSampler model({n, 1.0, 0.5, n == 10 ? -0.99 : 0.5});
        const std::vector<double> edges{0.0, 0.5, 1.0, 2.0};
        std::vector<std::int64_t> counts(3);
        const Index size = n == 10 ? 200 : 1;
        sample_histogram(model, size, 1, edges, RunControl{}, counts);
        CHECK(counts[0] + counts[1] == size * n);
        CHECK(counts[2] == 0);
        std::vector<double> spectra(static_cast<std::size_t>(size * n));
        sample_spectra_batch(model, size, 1, RunControl{}, {spectra, {}, {}});
        CHECK(counts[0] ==
              std::count_if(spectra.begin(), spectra.end(), [](double x) { return x < 0.5; }));
    }
}

TEST_CASE("Jacobi: one eigenvalue has no pairs; parameters outside the domain are refused") {
    CHECK(log_vandermonde_moments(JacobiParameters{1, 3.0, 0.5, 2.0}).mean == 0.0);
    CHECK(log_vandermonde_moments(JacobiParameters{1, 3.0, 0.5, 2.0}).variance == 0.0);
    for (const JacobiParameters p :
         {JacobiParameters{0, 1.0, 0.0, 1.0}, JacobiParameters{2, -1.0, 0.0, 1.0},
          JacobiParameters{2, 1.0, -1.0, 1.0}, JacobiParameters{2, 1.0, 0.0, -1.0},
          JacobiParameters{2, NAN, 0.0, 1.0}, JacobiParameters{2, 1.0, 0.0, INFINITY}}) {
        CHECK_THROWS_AS(check_parameters(p), InvalidInput);
        CHECK_THROWS_AS(JacobiSampler{p}, InvalidInput);
    }
}
