#pragma once

// What the Sturm kernels offer to the Sturm solvers.

#include <cstdint>

#include "htmu/common/dispatch.hpp"
#include "htmu/common/types.hpp"

namespace htmu {

/// Points are evaluated in groups of this many; arrays over points are padded to a multiple.
inline constexpr Index sturm_group = 8;

/// What becomes of a polynomial that vanishes at a point. Most kernels need not care, but where a
/// submatrix is split off all later ones vanish too, and nothing is counted any more. `mended`
/// changes an entry, or the point in one step, by half an epsilon, so that the polynomial does not
/// vanish and an eigenvalue at the point counts as not below it. It takes longer.
enum class Zeros { kept, mended };

/// The characteristic polynomials det(x - T_i) of the leading submatrices of a tridiagonal T, at
/// padded points x: how many eigenvalues of T lie below x by the sign changes, and the last
/// polynomial as mantissa * 2^exponent, where |mantissa| < 2. Where that is 0, which it never is
/// with Zeros::mended, the count is of no use.
struct SturmValues {
    double* mantissa;
    double* exponent;
    std::int64_t* below;
};

/// What a pass over the entries shows: the largest magnitude; the smallest value; and whether all
/// are finite.
struct EntrySummary {
    double largest;
    double smallest;
    bool finite;
};

/// Numbers mantissa * 2^exponent: mantissas in [1/2, 2) or 0, exponents integers below 2^49 in
/// magnitude, or about -2^50 for a zero.
struct ExtendedValues {
    const double* mantissa;
    const double* exponent;
};

HTMU_DECLARE_KERNEL(void, evaluate_bidiagonal,
                    (const double* q, const double* e, Index n, const double* points,
                     Index n_points, Zeros zeros, const SturmValues& values))
HTMU_DECLARE_KERNEL(void, evaluate_tridiagonal,
                    (const double* d, const double* squared_e, Index n, const double* points,
                     Index n_points, Zeros zeros, const SturmValues& values))
HTMU_DECLARE_KERNEL(void, evaluate_extended,
                    (const ExtendedValues& q, const ExtendedValues& e, Index n,
                     const ExtendedValues& points, Index n_points, Zeros zeros,
                     const SturmValues& values))
HTMU_DECLARE_KERNEL(void, summarise_entries, (const double* entries, Index n, EntrySummary& found))
HTMU_DECLARE_KERNEL(void, scale_entries,
                    (const double* entries, Index n, double factor, double second_factor,
                     double floor, double* scaled))

}  // namespace htmu
