#pragma once

namespace htmu {

/// The density at one point of the bulk, where the march starts.
template <class Number>
struct HtmpStart {
    double s;            ///< log x
    Number log_density;  ///< log(x f(x))
    Number slope;        ///< l' = 1 + d log f / d log x
};

/// Values at y = max(b + delta, 0.1): iterated WKB expansion for a parameter b + K so large that it
/// converges to rounding error, and the contiguous relation of Tricomi's function from b + K down
/// to b. Defined for double, and for Dual, which carries the derivatives by b and delta at fixed x.
/// Source: DLMF 13.3.7 as a recurrence for U'(b)/U(b); Froeman's form of the phase-integral method.
/// Throws ConvergenceFailure.
template <class Number>
[[nodiscard]] HtmpStart<Number> htmp_start(double b, double delta);

}  // namespace htmu
