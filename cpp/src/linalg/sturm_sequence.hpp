#pragma once

// What the Sturm solvers ask of a matrix: see sturm_sequence.cpp.

#include <cmath>
#include <limits>

#include "htmu/common/parallel.hpp"
#include "htmu/common/types.hpp"
#include "htmu/linalg/sturm.hpp"
#include "htmu/linalg/sturm_kernels.hpp"

namespace htmu {

/// Multiplication by 2^exponent, in two factors because that power may overflow or underflow.
class Scale {
   public:
    Scale() = default;
    explicit Scale(int exponent)
        : first(std::ldexp(1.0, exponent / 2)), second(std::ldexp(1.0, exponent - exponent / 2)) {}
    [[nodiscard]] double operator()(double value) const { return value * first * second; }

    double first = 1.0, second = 1.0;
};

/// A scaled matrix, ready for counts at points of its coordinate, and where its eigenvalues lie.
class SturmSequence {
   public:
    virtual ~SturmSequence() = default;

    /// Kernel call for padded points.
    virtual void evaluate(const double* points, Index n_points, Zeros zeros,
                          const SturmValues& values) const = 0;

    /// Two neighbours closer than this are the same number.
    [[nodiscard]] double tolerance(double point) const {
        const double relative = relative_tolerance * (point < 0.0 ? -point : point);
        return relative > absolute_tolerance ? relative : absolute_tolerance;
    }
    /// Half the width of the interval about an eigenvalue that counts at its ends prove.
    [[nodiscard]] double certainty(double point) const {
        const double relative = relative_certainty * (point < 0.0 ? -point : point);
        return relative > absolute_certainty ? relative : absolute_certainty;
    }
    /// Secants do not get on in a bracket so wide, where the polynomial is like a power of x: it
    /// is halved, in its exponents for a geometric coordinate.
    [[nodiscard]] bool wide(double low, double high) const {
        return geometric ? high > 4.0 * low : high - low > widest;
    }

    Scale scaled;    ///< from a value of the given matrix to one of the scaled one
    Scale unscaled;  ///< and back
    Index n = 0;
    double lower = 0.0;  ///< eigenvalues below this are not resolved
    double upper = 0.0;  ///< all eigenvalues lie below this
    double relative_tolerance = 0x1p-51;
    double absolute_tolerance = 0.0;
    double relative_certainty = 0x1p-51;
    double absolute_certainty = 0.0;
    bool geometric = false;  ///< the coordinate is positive and wanted to relative accuracy
    double widest = std::numeric_limits<double>::infinity();
    double step_cost = 1.0;  ///< time of a step relative to the plain kernels
};

/// det(x - B B^T), scaled so that the largest entry lies in [1, 2).
class BidiagonalSequence final : public SturmSequence {
   public:
    BidiagonalSequence(ConstSpan q, ConstSpan e, SturmWorkspace& workspace);
    void evaluate(const double* points, Index n_points, Zeros zeros,
                  const SturmValues& values) const override;
    /// Raises `lower` towards the smallest eigenvalue, so that brackets start narrow.
    void bound_from_below();

   private:
    const double* q_ = nullptr;
    const double* e_ = nullptr;
};

/// det(x - T), scaled so that the largest entry lies in [1, 2).
class TridiagonalSequence final : public SturmSequence {
   public:
    /// From the off-diagonal or its squares.
    TridiagonalSequence(ConstSpan d, ConstSpan e, bool squared, SturmWorkspace& workspace);
    void evaluate(const double* points, Index n_points, Zeros zeros,
                  const SturmValues& values) const override;
    /// All entries are 0: there is no scale.

   private:
    const double* d_ = nullptr;
    const double* squared_e_ = nullptr;
};

/// Fills values at the first n_points of workspace.points: mantissas, exponents, below. No mantissa
/// is 0.
void evaluate_points(const SturmSequence& sequence, Index n_points, const RunControl& control,
                     SturmWorkspace& workspace);

/// Eigenvalues first..last in the sequence's coordinate, ascending; those below sequence.lower are
/// given as `unresolved`. Multisection until each is alone in its bracket, then
/// interpolation. Counts prove each: it lies within certainty() of the value given, for the matrix
/// that counts are exact for.
void solve_by_sturm(const SturmSequence& sequence, Index first, Index last, double unresolved,
                    const RunControl& control, SturmWorkspace& workspace, Span eigenvalues);

/// Number of eigenvalues below one point.
[[nodiscard]] Index count_below(const SturmSequence& sequence, double point,
                                const RunControl& control, SturmWorkspace& workspace);

}  // namespace htmu
