#include "htmu/ensembles/laguerre.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "htmu/linalg/log_vandermonde.hpp"
#include "htmu/special/digamma.hpp"

namespace htmu {
namespace {

/// Raw moments E g^k of Gamma(shape), k = 1..3.
struct GammaMoments {
    double first, second, third;
    explicit GammaMoments(double shape)
        : first(shape),
          second(shape * (shape + 1.0)),
          third(shape * (shape + 1.0) * (shape + 2.0)) {}
};

}  // namespace

void check_parameters(const LaguerreParameters& parameters) {
    require_size(parameters.n);
    require_dyson_index(parameters.beta);
    require_exponent("a", parameters.a);
    require_rate(parameters.rate);
}

Moments log_vandermonde_moments(const LaguerreParameters& parameters) {
    const double half_beta = 0.5 * parameters.beta;
    const double first = parameters.a + 1.0;
    Moments sum;
    for (Index index = 0; index < parameters.n; ++index) {
        const auto j = static_cast<double>(index);
        const double gap = 1.0 + (j + 1.0) * half_beta;
        const double weight = first + j * half_beta;
        sum.mean += 0.5 * (j + 1.0) * digamma(gap) + 0.5 * j * digamma(weight);
        sum.variance += 0.25 * ((j + 1.0) * (j + 1.0) * trigamma(gap) + j * j * trigamma(weight));
    }
    const auto n = static_cast<double>(parameters.n);
    sum.mean -=
        0.5 * n * digamma(1.0 + half_beta) + n_pairs(parameters.n) * std::log(parameters.rate);
    sum.variance -= 0.25 * n * trigamma(1.0 + half_beta);
    // A single eigenvalue has no pair: its sums cancel up to rounding.
    return parameters.n == 1 ? Moments{} : sum;
}

Moments log_determinant_moments(const LaguerreParameters& parameters) {
    Moments sum;
    for (Index j = 0; j < parameters.n; ++j) {
        const double shape = parameters.a + 1.0 + 0.5 * parameters.beta * static_cast<double>(j);
        sum.mean += digamma(shape);
        sum.variance += trigamma(shape);
    }
    sum.mean -= static_cast<double>(parameters.n) * std::log(parameters.rate);
    return sum;
}

double trace_shape(const LaguerreParameters& parameters) {
    return static_cast<double>(parameters.n) * (parameters.a + 1.0) +
           parameters.beta * n_pairs(parameters.n);
}

Moments trace_moments(const LaguerreParameters& parameters) {
    const double shape = trace_shape(parameters);
    return {shape / parameters.rate, shape / (parameters.rate * parameters.rate)};
}

// With x_i the squared diagonal and y_i the squared subdiagonal of B (y_0 = y_n = 0), the diagonal
// of B B^T is x_i + y_{i-1} and its squared off-diagonal x_i y_i.
double mean_sum_squares(const LaguerreParameters& parameters) {
    double sum = 0.0;
    double y_first = 0.0, y_second = 0.0;
    for (Index i = 1; i <= parameters.n; ++i) {
        const double y_shape = 0.5 * parameters.beta * static_cast<double>(parameters.n - i);
        const GammaMoments x(parameters.a + 1.0 + y_shape);
        const GammaMoments y(y_shape);
        sum += x.second + 2.0 * x.first * y_first + y_second + 2.0 * x.first * y.first;
        y_first = y.first;
        y_second = y.second;
    }
    return sum / (parameters.rate * parameters.rate);
}

double mean_sum_cubes(const LaguerreParameters& parameters) {
    double sum = 0.0;
    GammaMoments y_previous(0.0);
    for (Index i = 1; i <= parameters.n; ++i) {
        const double y_shape = 0.5 * parameters.beta * static_cast<double>(parameters.n - i);
        const GammaMoments x(parameters.a + 1.0 + y_shape);
        const GammaMoments y(y_shape);
        // E (x_i + y_{i-1})^3
        sum += x.third + 3.0 * x.second * y_previous.first + 3.0 * x.first * y_previous.second +
               y_previous.third;
        // 3 E x_i y_i (x_i + y_{i-1} + x_{i+1} + y_i)
        if (i < parameters.n) {
            const double x_next = parameters.a + 1.0 +
                                  0.5 * parameters.beta * static_cast<double>(parameters.n - i - 1);
            sum += 3.0 * (x.second * y.first + x.first * y.first * (y_previous.first + x_next) +
                          x.first * y.second);
        }
        y_previous = y;
    }
    return sum / (parameters.rate * parameters.rate * parameters.rate);
}

namespace {

/// Laws of shapes first + beta (n - i)/2, i = 1 .. size, whose entries have the numbers `offset`,
/// offset + 2, ..
GammaTable laws_of(const LaguerreParameters& parameters, double first, Index size,
                   std::uint32_t offset) {
    std::vector<double> shapes;
    std::vector<std::uint32_t> entries;
    shapes.reserve(static_cast<std::size_t>(size));
    entries.reserve(static_cast<std::size_t>(size));
    for (Index i = 1; i <= size; ++i) {
        shapes.push_back(first + 0.5 * parameters.beta * static_cast<double>(parameters.n - i));
        entries.push_back(offset + 2 * static_cast<std::uint32_t>(i - 1));
    }
    return {shapes, entries};
}

/// One entry of a matrix.
double entry_of(const GammaTable& laws, Index i, std::uint32_t number, StreamKey key,
                std::uint64_t matrix, GammaForm form, double scale) {
    const double shape = laws.shape(i);
    const bool logarithm = form == GammaForm::logarithm;
    if (shape == 0.0) return logarithm ? -std::numeric_limits<double>::infinity() : 0.0;
    Stream stream(key, matrix, number);
    const double variate = GammaLaw(shape).draw(form, stream);
    return logarithm ? std::log(scale) + variate : scale * variate;
}

/// All entries of one matrix.
void entries_of(const GammaTable& diagonal_laws, const GammaTable& subdiagonal_laws, StreamKey key,
                std::uint64_t matrix, GammaForm form, double scale, Span diagonal,
                Span subdiagonal) {
    for (Index i = 0; i < diagonal_laws.size(); ++i) {
        diagonal[static_cast<std::size_t>(i)] =
            entry_of(diagonal_laws, i, 2 * static_cast<std::uint32_t>(i), key, matrix, form, scale);
    }
    for (Index i = 0; i < subdiagonal_laws.size(); ++i) {
        subdiagonal[static_cast<std::size_t>(i)] = entry_of(
            subdiagonal_laws, i, 2 * static_cast<std::uint32_t>(i) + 1, key, matrix, form, scale);
    }
}

}  // namespace

LaguerreSampler::LaguerreSampler(const LaguerreParameters& parameters) : rate_(parameters.rate) {
    check_parameters(parameters);
    diagonal_ = laws_of(parameters, parameters.a + 1.0, parameters.n, 0);
    subdiagonal_ = laws_of(parameters, 0.0, parameters.n - 1, 1);
}

void LaguerreSampler::sample(StreamKey key, std::uint64_t matrix, Span diagonal,
                             Span subdiagonal) const {
    entries_of(diagonal_, subdiagonal_, key, matrix, GammaForm::square_root, 1.0 / std::sqrt(rate_),
               diagonal, subdiagonal);
}

void LaguerreSampler::sample_log_squares(StreamKey key, std::uint64_t matrix, Span diagonal,
                                         Span subdiagonal) const {
    entries_of(diagonal_, subdiagonal_, key, matrix, GammaForm::logarithm, 1.0 / rate_, diagonal,
               subdiagonal);
}

void LaguerreSampler::sample_lockstep(Entries entries, StreamKey key, MatrixNumbers numbers,
                                      double* diagonal, double* subdiagonal) const {
    const bool squares = entries == Entries::squares;
    const GammaForm form = squares ? GammaForm::value : GammaForm::square_root;
    const double scale = squares ? 1.0 / rate_ : 1.0 / std::sqrt(rate_);
    diagonal_.fill(form, scale, key, numbers, diagonal);
    subdiagonal_.fill(form, scale, key, numbers, subdiagonal);
}

}  // namespace htmu
