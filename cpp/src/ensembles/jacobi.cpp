#include "htmu/ensembles/jacobi.hpp"

#include <algorithm>
#include <cmath>

namespace htmu {

void check_parameters(const JacobiParameters& parameters) {
    require_size(parameters.n);
    require_dyson_index(parameters.beta);
    require_exponent("a", parameters.a);
    require_exponent("b", parameters.b);
}

Rotation RotationLaw::variate(Stream& of_cosine, Stream& of_sine) const noexcept {
    if (!in_logarithms_) {
        const double x = cosine_.sqrt_variate(of_cosine);
        const double y = sine_.sqrt_variate(of_sine);
        const double norm = std::sqrt(x * x + y * y);
        return {x / norm, y / norm};
    }
    // log tan of the angle; the larger of cosine and sine is 1 / sqrt(1 + ratio^2).
    const double log_tangent = 0.5 * (sine_.log_variate(of_sine) - cosine_.log_variate(of_cosine));
    const double ratio = portable_exp(-std::fabs(log_tangent));
    const double larger = 1.0 / std::sqrt(1.0 + ratio * ratio);
    const double smaller = ratio * larger;
    return log_tangent > 0.0 ? Rotation{smaller, larger} : Rotation{larger, smaller};
}

JacobiSampler::JacobiSampler(const JacobiParameters& parameters) {
    check_parameters(parameters);
    const double first = parameters.a + 1.0;
    const double second = parameters.b + 1.0;
    const double half_beta = 0.5 * parameters.beta;
    outer_.reserve(static_cast<std::size_t>(parameters.n));
    for (Index k = parameters.n; k >= 1; --k) {
        const double shift = half_beta * static_cast<double>(k - 1);
        outer_.emplace_back(first + shift, second + shift);
        if (shift > 0.0) {
            inner_.emplace_back(shift, first + second + half_beta * static_cast<double>(k - 2));
        }
    }
}

void JacobiSampler::sample(StreamKey key, std::uint64_t matrix, Span diagonal,
                           Span subdiagonal) const {
    const auto draw = [&](const RotationLaw& law, std::size_t entry) {
        Stream of_cosine(key, matrix, static_cast<std::uint32_t>(entry));
        Stream of_sine(key, matrix, static_cast<std::uint32_t>(entry + 1));
        return law.variate(of_cosine, of_sine);
    };
    Rotation inner{0.0, 1.0};  // of the row above
    for (std::size_t i = 0; i < outer_.size(); ++i) {
        const Rotation outer = draw(outer_[i], 4 * i);
        diagonal[i] = outer.cosine * inner.sine;
        if (i == subdiagonal.size()) break;
        inner = inner_.empty() ? Rotation{0.0, 1.0} : draw(inner_[i], 4 * i + 2);
        subdiagonal[i] = outer.sine * inner.cosine;
    }
}

}  // namespace htmu
