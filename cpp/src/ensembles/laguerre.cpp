#include "htmu/ensembles/laguerre.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/log_vandermonde.hpp"
#include "htmu/linalg/scaled_product.hpp"
#include "htmu/special/digamma.hpp"

namespace htmu {
namespace {

[[noreturn]] void refuse(const char* name, const char* domain, double value) {
    std::ostringstream message;
    message << name << " must be " << domain << ", got " << value;
    throw InvalidInput(message.str());
}

/// Turns the entries of a lower bidiagonal B into those of the tridiagonal B B^T.
void product_with_transpose(Span diagonal, Span subdiagonal) {
    double previous_square = 0.0;
    for (std::size_t i = 0; i < diagonal.size(); ++i) {
        const double entry = diagonal[i];
        diagonal[i] = entry * entry + previous_square;
        if (i < subdiagonal.size()) {
            previous_square = subdiagonal[i] * subdiagonal[i];
            subdiagonal[i] *= entry;
        }
    }
}

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
    if (parameters.n < 1) refuse("n", "at least 1", static_cast<double>(parameters.n));
    if (!(parameters.beta >= 0.0) || !std::isfinite(parameters.beta)) {
        refuse("beta", "finite and at least 0", parameters.beta);
    }
    if (!(parameters.a > -1.0) || !std::isfinite(parameters.a)) {
        refuse("a", "finite and greater than -1", parameters.a);
    }
    if (!(parameters.rate > 0.0) || !std::isfinite(parameters.rate)) {
        refuse("rate", "finite and greater than 0", parameters.rate);
    }
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

LaguerreSampler::LaguerreSampler(const LaguerreParameters& parameters)
    : scale_(1.0 / std::sqrt(parameters.rate)) {
    check_parameters(parameters);
    const auto n = static_cast<std::size_t>(parameters.n);
    diagonal_.reserve(n);
    subdiagonal_.reserve(n - 1);
    for (std::size_t i = 1; i <= n; ++i) {
        const double shape = 0.5 * parameters.beta * static_cast<double>(n - i);
        diagonal_.emplace_back(parameters.a + 1.0 + shape);
        if (i < n && shape > 0.0) subdiagonal_.emplace_back(shape);
    }
}

void LaguerreSampler::sample(StreamKey key, std::uint64_t matrix, Span diagonal,
                             Span subdiagonal) const {
    for (std::size_t i = 0; i < diagonal_.size(); ++i) {
        Stream stream(key, matrix, static_cast<std::uint32_t>(2 * i));
        diagonal[i] = scale_ * diagonal_[i].sqrt_variate(stream);
    }
    if (subdiagonal_.empty()) std::fill(subdiagonal.begin(), subdiagonal.end(), 0.0);
    for (std::size_t i = 0; i < subdiagonal_.size(); ++i) {
        Stream stream(key, matrix, static_cast<std::uint32_t>(2 * i + 1));
        subdiagonal[i] = scale_ * subdiagonal_[i].sqrt_variate(stream);
    }
}

double LaguerreSampler::sample_eigenvalues(StreamKey key, std::uint64_t matrix,
                                           EigenvalueAccuracy accuracy,
                                           SpectrumWorkspace& workspace, Span eigenvalues) const {
    const std::size_t size = diagonal_.size();
    std::vector<double>& diagonal = workspace.diagonal;
    std::vector<double>& subdiagonal = workspace.subdiagonal;
    diagonal.resize(size);
    subdiagonal.resize(size - 1);
    sample(key, matrix, diagonal, subdiagonal);
    const double half_log_determinant = sum_of_logs(diagonal);
    if (accuracy == EigenvalueAccuracy::relative) {
        bidiagonal_singular_values(diagonal, subdiagonal, workspace, eigenvalues);
        std::reverse(eigenvalues.begin(), eigenvalues.end());
        for (double& value : eigenvalues) value *= value;
    } else {
        product_with_transpose(diagonal, subdiagonal);
        tridiagonal_eigenvalues_in_place(diagonal, subdiagonal, eigenvalues);
    }
    return 2.0 * half_log_determinant;
}

}  // namespace htmu
