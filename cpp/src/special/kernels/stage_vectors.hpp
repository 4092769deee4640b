#pragma once

// Values at the 16 nodes of a collocation step, in vectors, and the solution of its linear systems.

#include "htmu/common/vectors.hpp"
#include "htmu/random/elementary.hpp"
#include "htmu/special/collocation.hpp"

namespace htmu::HTMU_TARGET {

inline constexpr int n_parts = n_stages / width;

struct Stages {
    Vec part[n_parts];
};

#define HTMU_STAGES(operation)                                      \
    Stages result;                                                  \
    for (int k = 0; k < n_parts; ++k) result.part[k] = (operation); \
    return result

HTMU_INLINE Stages same_stages(double x) {
    HTMU_STAGES(splat(x));
}
HTMU_INLINE Stages load_stages(const double* from) {
    HTMU_STAGES(load(from + k * width));
}
HTMU_INLINE void store_stages(double* to, const Stages& x) {
    for (int k = 0; k < n_parts; ++k) store(to + k * width, x.part[k]);
}
HTMU_INLINE Stages operator+(const Stages& x, const Stages& y) {
    HTMU_STAGES(x.part[k] + y.part[k]);
}
HTMU_INLINE Stages operator-(const Stages& x, const Stages& y) {
    HTMU_STAGES(x.part[k] - y.part[k]);
}
HTMU_INLINE Stages operator*(const Stages& x, const Stages& y) {
    HTMU_STAGES(x.part[k] * y.part[k]);
}
HTMU_INLINE Stages operator/(const Stages& x, const Stages& y) {
    HTMU_STAGES(x.part[k] / y.part[k]);
}
HTMU_INLINE Stages operator+(const Stages& x, double y) {
    HTMU_STAGES(x.part[k] + y);
}
HTMU_INLINE Stages operator*(double x, const Stages& y) {
    HTMU_STAGES(x * y.part[k]);
}
/// x y + z.
HTMU_INLINE Stages multiply_add(const Stages& x, const Stages& y, const Stages& z) {
    HTMU_STAGES(multiply_add(x.part[k], y.part[k], z.part[k]));
}
HTMU_INLINE Stages multiply_add(double x, const Stages& y, const Stages& z) {
    HTMU_STAGES(multiply_add(splat(x), y.part[k], z.part[k]));
}
HTMU_INLINE Stages exponential(const Stages& x) {
    HTMU_STAGES((portable_exp<Vec, WordVec>(x.part[k])));
}
HTMU_INLINE Stages logarithm(const Stages& x) {
    HTMU_STAGES((portable_log<Vec, WordVec>(x.part[k])));
}
HTMU_INLINE Stages smaller(const Stages& x, double y) {
    HTMU_STAGES(smaller(x.part[k], splat(y)));
}

HTMU_INLINE double largest_magnitude(const Stages& x) {
    Vec largest = absolute(x.part[0]);
    for (int k = 1; k < n_parts; ++k) largest = larger(largest, absolute(x.part[k]));
    return largest_of(largest);
}
HTMU_INLINE double smallest_of(const Stages& x) {
    Vec least = x.part[0];
    for (int k = 1; k < n_parts; ++k) least = smaller(least, x.part[k]);
    return -largest_of(-least);
}
HTMU_INLINE double sum_of(const Stages& x) {
    Vec sum = x.part[0];
    for (int k = 1; k < n_parts; ++k) sum += x.part[k];
    return sum_of(sum);
}
/// Whether a value is NaN or infinite.
HTMU_INLINE bool any_not_finite(const Stages& x) {
    Vec zero = x.part[0] - x.part[0];
    for (int k = 1; k < n_parts; ++k) zero += x.part[k] - x.part[k];
    return any(zero != zero);
}

/// e^x - 1: Taylor's series for |x| < 0.35, where the difference would lose digits.
HTMU_INLINE Stages exponential_less_one(const Stages& x, const Stages& exponential_of_x) {
    constexpr double reciprocal_factorial[] = {1.0 / 1307674368000.0,
                                               1.0 / 87178291200.0,
                                               1.0 / 6227020800.0,
                                               1.0 / 479001600.0,
                                               1.0 / 39916800.0,
                                               1.0 / 3628800.0,
                                               1.0 / 362880.0,
                                               1.0 / 40320.0,
                                               1.0 / 5040.0,
                                               1.0 / 720.0,
                                               1.0 / 120.0,
                                               1.0 / 24.0,
                                               1.0 / 6.0,
                                               0.5};
    Stages result;
    for (int k = 0; k < n_parts; ++k) {
        const Vec t = x.part[k];
        Vec sum = splat(reciprocal_factorial[0]);
        for (int j = 1; j < 14; ++j) sum = multiply_add(sum, t, splat(reciprocal_factorial[j]));
        const Vec series = multiply_add(sum * t, t, t);
        result.part[k] = absolute(t) < 0.35 ? series : exponential_of_x.part[k] - 1.0;
    }
    return result;
}

/// Matrix, stored by columns of 16, times the `n_columns` values at x.
template <int n_columns = n_stages>
HTMU_INLINE Stages product(const double* columns, const double* x) {
    Stages even = same_stages(0.0), odd = same_stages(0.0);
    for (int j = 0; j + 1 < n_columns; j += 2) {
        even = multiply_add(x[j], load_stages(columns + j * n_stages), even);
        odd = multiply_add(x[j + 1], load_stages(columns + (j + 1) * n_stages), odd);
    }
    if (n_columns % 2 == 1) {
        even =
            multiply_add(x[n_columns - 1], load_stages(columns + (n_columns - 1) * n_stages), even);
    }
    return even + odd;
}

/// The polynomial of t that takes the values `first` and `first` + rest at the start and the nodes
/// of a step; t = -1 at the start, or 1 if `leftward`. Its Legendre coefficients, in the direction
/// of the march, are left in `legendre`.
HTMU_INLINE void polynomial(const Collocation& method, double first, const Stages& rest,
                            bool leftward, double* legendre, double* coefficients) {
    alignas(64) double values[n_stages];
    store_stages(values, rest);
    store_stages(legendre, product(method.legendre, values));
    legendre[n_stages] = sum_of(load_stages(method.last_legendre) * rest);
    store_stages(values, product<n_coefficients>(method.monomial, legendre));
    values[0] += first;
    const double odd = leftward ? -1.0 : 1.0;
    for (int i = 0; i < n_stages; i += 2) {
        coefficients[i] = values[i];
        coefficients[i + 1] = odd * values[i + 1];
    }
    coefficients[n_stages] = method.last_monomial * legendre[n_stages];
}

/// A 16 x 16 system with n_right right-hand sides.
template <int n_right>
struct StageSystem {
    static constexpr int n = n_stages;
    /// Columns of the matrix, then the right-hand sides; overwritten by solve().
    alignas(64) double columns[(n_stages + n_right) * n_stages];

    HTMU_MEMBER void set(int column, const Stages& values) {
        store_stages(columns + column * n, values);
    }

    /// Gauss-Jordan elimination. Pivots are the largest elements of each column; rows stay where
    /// they are, and every operation is one on whole columns. Solutions go to x, n each.
    HTMU_MEMBER void solve(double* x) {
        // Rows that were no pivot yet have all bits set.
        Words<width> is_free[n_parts];
        WordVec row_number[n_parts];
        for (int k = 0; k < n_parts; ++k) {
            row_number[k] = bits_as<WordVec>(lane_numbers() + std::int64_t{k * width});
            is_free[k] = splat(~std::uint64_t{0});
        }
        for (int c = 0; c < n; ++c) {
            double* column = columns + c * n;
            Stages pivot_column = load_stages(column);
            // The row's number in the last bits of its magnitude finds the row with the largest.
            Vec largest{};
            for (int k = 0; k < n_parts; ++k) {
                const WordVec magnitude = bits_as<WordVec>(absolute(pivot_column.part[k]));
                const WordVec tagged = ((magnitude & ~std::uint64_t{15}) | row_number[k]);
                largest = larger(largest, bits_as<Vec>(tagged & is_free[k]));
            }
            const auto pivot =
                static_cast<int>(elementary::as<std::uint64_t>(largest_of(largest)) & 15u);
            const double inverse = 1.0 / column[pivot];
            Stages multiplier;
            for (int k = 0; k < n_parts; ++k) {
                const IntVec here =
                    bits_as<IntVec>(row_number[k]) == splat(static_cast<std::int64_t>(pivot));
                is_free[k] &= ~bits_as<WordVec>(here);
                multiplier.part[k] = here ? Vec{} : -inverse * pivot_column.part[k];
            }
            for (int j = c + 1; j < n + n_right; ++j) {
                double* other = columns + j * n;
                store_stages(other, multiply_add(other[pivot], multiplier, load_stages(other)));
            }
            pivot_row_[c] = pivot;
            inverse_pivot_[c] = inverse;
        }
        for (int r = 0; r < n_right; ++r) {
            for (int c = 0; c < n; ++c) {
                x[r * n + c] = columns[(n + r) * n + pivot_row_[c]] * inverse_pivot_[c];
            }
        }
    }

   private:
    int pivot_row_[n_stages];
    double inverse_pivot_[n_stages];
};

}  // namespace htmu::HTMU_TARGET
