#include "htmu/structures/kronecker.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/rows.hpp"
#include "htmu/linalg/tridiagonal.hpp"
#include "htmu/special/digamma.hpp"

namespace htmu {
namespace {

constexpr std::size_t controls_per_factor = 4;

/// Divides the eigenvalues of a factor by their sum, and writes its control variates.
void normalise(Span factor, double log_determinant, double log_vandermonde, Span controls) {
    double trace = 0.0;
    for (const double value : factor) trace += value;
    double sum_squares = 0.0, sum_cubes = 0.0;
    for (double& value : factor) {
        value /= trace;
        const double square = value * value;
        sum_squares += square;
        sum_cubes += square * value;
    }
    const auto n = static_cast<double>(factor.size());
    const double log_trace = std::log(trace);
    controls[0] = log_vandermonde - 0.5 * n * (n - 1.0) * log_trace;
    controls[1] = log_determinant - n * log_trace;
    controls[2] = sum_squares;
    controls[3] = sum_cubes;
}

/// Replaces the first `filled` products by their products with each eigenvalue of the factor.
void multiply_by(ConstSpan factor, std::size_t filled, Span products) {
    // From the back, so that the products so far serve as input and output.
    const std::size_t n = factor.size();
    for (std::size_t i = filled; i-- > 0;) {
        const double base = products[i];
        for (std::size_t k = n; k-- > 0;) products[i * n + k] = base * factor[k];
    }
}

}  // namespace

KroneckerLaw::KroneckerLaw(std::vector<Index> dims, double alpha)
    : dims_(std::move(dims)), accuracy_(sufficient_accuracy(alpha)) {
    if (dims_.empty())
        throw InvalidInput("a Kronecker product needs at least one factor, got none");
    for (const Index n : dims_) {
        if (n < 1 || n > max_matrix_size || matrix_size_ > max_matrix_size / n) {
            throw InvalidInput("the factors' sizes must be at least 1 and their product at most " +
                               std::to_string(max_matrix_size) + ", got a factor of size " +
                               std::to_string(n));
        }
        matrix_size_ *= n;
    }
    for (std::size_t j = 0; j < dims_.size(); ++j) {
        const double exponent =
            alpha * static_cast<double>(matrix_size_) / static_cast<double>(dims_[j]);
        if (!(exponent > -1.0)) {
            std::ostringstream message;
            message << "alpha must be greater than -n/N for every factor size n, got alpha = "
                    << alpha << " with n = " << dims_[j] << ", N = " << matrix_size_;
            throw InvalidInput(message.str());
        }
        const LaguerreParameters factor{dims_[j], 1.0, exponent, 1.0};
        samplers_.emplace_back(factor);
        // The trace, Gamma(A), is independent of l / sum l.
        const double trace = trace_shape(factor);
        const auto n = static_cast<double>(dims_[j]);
        const double log_trace = digamma(trace);
        std::string suffix = "_";
        suffix += std::to_string(j + 1);
        controls_.push_back({"log_vandermonde" + suffix, log_vandermonde_moments(factor).mean -
                                                             0.5 * n * (n - 1.0) * log_trace});
        controls_.push_back(
            {"sum_log" + suffix, log_determinant_moments(factor).mean - n * log_trace});
        controls_.push_back(
            {"sum_squares" + suffix, mean_sum_squares(factor) / (trace * (trace + 1.0))});
        controls_.push_back({"sum_cubes" + suffix,
                             mean_sum_cubes(factor) / (trace * (trace + 1.0) * (trace + 2.0))});
    }
}

void KroneckerLaw::sample(StreamKey key, SampleRange samples, StructureWorkspace& workspace,
                          Span eigenvalues, Span controls) const {
    const std::uint64_t n_factors = dims_.size();
    const auto count = static_cast<std::size_t>(samples.count);
    const auto n_controls = static_cast<Index>(controls_.size());
    workspace.log_determinants.resize(count);
    workspace.log_vandermondes.resize(count);
    for (Index sample = 0; sample < samples.count; ++sample) {
        row_of(eigenvalues, sample, matrix_size_)[0] = 1.0;
    }
    std::size_t filled = 1;
    for (std::size_t j = 0; j < dims_.size(); ++j) {
        const auto n = static_cast<std::size_t>(dims_[j]);
        workspace.parts.resize(count * n);
        sample_spectra(samplers_[j], key, {samples.first * n_factors + j, samples.count, n_factors},
                       accuracy_, workspace.control, workspace.spectra,
                       {workspace.parts, workspace.log_determinants, workspace.log_vandermondes});
        for (Index sample = 0; sample < samples.count; ++sample) {
            const auto place = static_cast<std::size_t>(sample);
            const Span factor = row_of(Span(workspace.parts), sample, dims_[j]);
            const Span values = row_of(controls, sample, n_controls)
                                    .subspan(controls_per_factor * j, controls_per_factor);
            normalise(factor, workspace.log_determinants[place], workspace.log_vandermondes[place],
                      values);
            multiply_by(factor, filled, row_of(eigenvalues, sample, matrix_size_));
        }
        filled *= n;
    }
}

Index KroneckerLaw::draws_per_group() const {
    // Larger factors are solved one by one, and take most of the time.
    const bool large = *std::max_element(dims_.begin(), dims_.end()) > max_lockstep_size;
    return large ? 1 : lockstep_lanes;
}

double KroneckerLaw::sample_cost() const {
    double cost = StructuredLaw::sample_cost();
    for (const Index size : dims_) cost += spectrum_cost(size);
    return cost;
}

}  // namespace htmu
