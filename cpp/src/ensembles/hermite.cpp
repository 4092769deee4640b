#include "htmu/ensembles/hermite.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include "htmu/ensembles/compensated_sum.hpp"
#include "htmu/linalg/log_vandermonde.hpp"
#include "htmu/special/digamma.hpp"

namespace htmu {

void check_parameters(const HermiteParameters& parameters) {
    require_size(parameters.n);
    require_dyson_index(parameters.beta);
    require_rate(parameters.rate);
}

// The term j = 1 is 0: a single eigenvalue has no pair.
Moments log_vandermonde_moments(const HermiteParameters& parameters) {
    const double half_beta = 0.5 * parameters.beta;
    CompensatedSum mean, variance;
    for (Index index = 2; index <= parameters.n; ++index) {
        const auto j = static_cast<double>(index);
        const double argument = 1.0 + j * half_beta;
        mean.add(0.5 * j * digamma(argument));
        variance.add(0.25 * j * j * trigamma(argument));
    }
    const auto n_terms = static_cast<double>(parameters.n - 1);
    mean.add(-0.5 * n_terms * digamma(1.0 + half_beta));
    mean.add(-0.5 * n_pairs(parameters.n) * std::log(parameters.rate));
    variance.add(-0.25 * n_terms * trigamma(1.0 + half_beta));
    return {mean.value(), variance.value()};
}

Moments trace_moments(const HermiteParameters& parameters) {
    return {0.0, static_cast<double>(parameters.n) / parameters.rate};
}

Moments sum_squares_moments(const HermiteParameters& parameters) {
    const double shape =
        0.5 * static_cast<double>(parameters.n) + 0.5 * parameters.beta * n_pairs(parameters.n);
    const double scale = 2.0 / parameters.rate;
    return {shape * scale, shape * scale * scale};
}

HermiteSampler::HermiteSampler(const HermiteParameters& parameters)
    : n_(parameters.n), rate_(parameters.rate) {
    check_parameters(parameters);
    std::vector<double> shapes;
    std::vector<std::uint32_t> entries;
    for (Index i = 0; i < n_; ++i) {
        diagonal_entries_.push_back(2 * static_cast<std::uint32_t>(i));
        if (i + 1 == n_) break;
        shapes.push_back(0.5 * parameters.beta * static_cast<double>(n_ - 1 - i));
        entries.push_back(2 * static_cast<std::uint32_t>(i) + 1);
    }
    off_diagonal_ = GammaTable(shapes, entries);
}

void HermiteSampler::sample(StreamKey key, std::uint64_t matrix, Span diagonal,
                            Span off_diagonal) const {
    const double scale = 1.0 / std::sqrt(rate_);
    for (std::size_t i = 0; i < diagonal.size(); ++i) {
        Stream stream(key, matrix, static_cast<std::uint32_t>(2 * i));
        diagonal[i] = scale * normal_variate(stream);
    }
    for (std::size_t i = 0; i < off_diagonal.size(); ++i) {
        const double shape = off_diagonal_.shape(static_cast<Index>(i));
        Stream stream(key, matrix, static_cast<std::uint32_t>(2 * i + 1));
        off_diagonal[i] = shape > 0.0 ? scale * GammaLaw(shape).sqrt_variate(stream) : 0.0;
    }
}

void HermiteSampler::sample_lockstep(Entries entries, StreamKey key, MatrixNumbers numbers,
                                     double* diagonal, double* off_diagonal) const {
    const bool squares = entries == Entries::squares;
    const double scale = 1.0 / std::sqrt(rate_);
    fill_normals(scale, key, numbers, diagonal_entries_, diagonal);
    off_diagonal_.fill(squares ? GammaForm::value : GammaForm::square_root,
                       squares ? 1.0 / rate_ : scale, key, numbers, off_diagonal);
}

}  // namespace htmu
