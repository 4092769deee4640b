#pragma once

#include <array>
#include <memory>

#include "htmu/common/types.hpp"
#include "htmu/ensembles/laguerre.hpp"
#include "htmu/structures/structured_law.hpp"

namespace htmu {

/// What "the same weight" means when the eigenvalues of a structured matrix are projected, in
/// Kullback-Leibler divergence, onto the beta-Laguerre laws q_beta.
enum class ReferenceKind {
    weight,  ///< same exponent and rate
    shape,   ///< same exponent; the laws of l / sum(l) are compared
    full,    ///< exponent and rate are free too
};

/// The family q_beta and its projection: kappa = N beta where beta solves E_{q_beta} T = target
/// for the statistic T that belongs to the kind of reference. E_{q_beta} T increases with beta, as
/// the derivative of a convex log-partition function (for `full` along the profile in a, rate).
class ReferenceLaw {
   public:
    /// Statistics that the projection needs the means of: 1, or 3 for `full`.
    static constexpr std::size_t max_responses = 3;
    using Responses = std::array<double, max_responses>;

    virtual ~ReferenceLaw() = default;

    [[nodiscard]] virtual std::size_t n_responses() const = 0;

    /// The responses of one spectrum; T itself comes first.
    [[nodiscard]] virtual Responses responses(const SpectrumStatistics& statistics) const = 0;

    /// beta for the means of the responses, T's moved by `shift`: 0 when T's mean is at or below
    /// its value at beta = 0, +infinity when it is above every value of the family.
    [[nodiscard]] virtual double solve(const Responses& means, double shift) const = 0;

    /// At the solution: dE T/d beta along the family, and the weights of the responses in the
    /// statistic whose sampling error is that of beta (1 for T itself).
    struct Sensitivity {
        double slope = 1.0;
        Responses weights{1.0, 0.0, 0.0};
    };
    [[nodiscard]] virtual Sensitivity sensitivity(double beta, const Responses& means) const = 0;
};

/// beta beyond which a spectrum counts as rigid: the solution is reported as infinite.
inline constexpr double max_beta = 1e9;

/// The reference for matrices of size n >= 2; a is the exponent (ignored by `full`).
[[nodiscard]] std::unique_ptr<ReferenceLaw> make_reference(ReferenceKind kind, Index n, double a);

/// Mean and variance of T under q_beta for the references `weight` and `shape`.
[[nodiscard]] Moments reference_moments(ReferenceKind kind, const LaguerreParameters& parameters);

}  // namespace htmu
