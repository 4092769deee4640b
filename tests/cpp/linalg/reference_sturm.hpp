#pragma once

// References for the Sturm tests: bisection on counts by quotients in long double (64 bits of
// mantissa, exponents to 1e-4932), and the matrices that the tests share.

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "htmu/common/instruction_set.hpp"
#include "htmu/common/types.hpp"

namespace reference_sturm {

inline void for_every_instruction_set(const std::function<void()>& body) {
    const auto before = htmu::instruction_set();
    for (const auto set : htmu::supported_instruction_sets()) {
        htmu::use_instruction_set(set);
        body();
    }
    htmu::use_instruction_set(before);
}

inline htmu::Index size_of(const std::vector<double>& values) {
    return static_cast<htmu::Index>(values.size());
}

/// Squares of the entries of a bidiagonal matrix.
struct Bidiagonal {
    explicit Bidiagonal(htmu::Index n)
        : q(static_cast<std::size_t>(n)),
          e(static_cast<std::size_t>(std::max<htmu::Index>(n, 1) - 1)) {}
    [[nodiscard]] double largest() const {
        double largest = 0.0;
        for (const double value : q) largest = std::max(largest, value);
        for (const double value : e) largest = std::max(largest, value);
        return largest;
    }
    std::vector<double> q, e;
};

inline Bidiagonal laguerre(htmu::Index n, double beta, double a, std::mt19937_64& generator) {
    const auto gamma = [&](double shape) {
        return shape > 0.0 ? std::gamma_distribution<>(shape)(generator) : 0.0;
    };
    Bidiagonal matrix(n);
    for (std::size_t i = 0; i < matrix.q.size(); ++i) {
        const double left = static_cast<double>(matrix.q.size() - 1 - i);
        matrix.q[i] = gamma(0.5 * beta * left + a + 1.0);
        if (i < matrix.e.size()) matrix.e[i] = gamma(0.5 * beta * left);
    }
    return matrix;
}

/// Eigenvalues of B B^T below x, by the stationary qd transformation.
inline htmu::Index count(const Bidiagonal& matrix, long double x) {
    htmu::Index below = 0;
    long double shifted = -x;
    for (std::size_t i = 0; i < matrix.q.size(); ++i) {
        long double pivot = matrix.q[i] + shifted;
        if (pivot == 0.0L) pivot = 1e-4900L;
        if (pivot < 0.0L) ++below;
        if (i < matrix.e.size()) shifted = matrix.e[i] * (shifted / pivot) - x;
    }
    return below;
}

/// Eigenvalues of the tridiagonal matrix below x.
inline htmu::Index count(const std::vector<double>& d, const std::vector<double>& e,
                         long double x) {
    htmu::Index below = 0;
    long double pivot = 1.0L;
    for (std::size_t i = 0; i < d.size(); ++i) {
        const long double coupling = i == 0 ? 0.0L : e[i - 1];
        pivot = d[i] - x - coupling * (coupling / pivot);
        if (std::fabs(pivot) < 1e-4000L) pivot = 1e-4000L;
        if (pivot < 0.0L) ++below;
    }
    return below;
}

inline std::vector<long double> eigenvalues(const Bidiagonal& matrix) {
    std::vector<long double> found;
    const long double upper = 4.01L * matrix.largest();
    const long double lower = std::max(1e-400L * upper, 1e-4000L);
    for (htmu::Index k = 0; k < size_of(matrix.q); ++k) {
        long double low = lower, high = upper;
        if (!(high > low) || count(matrix, low) > k) {
            found.push_back(0.0L);
            continue;
        }
        while (high > 1.5L * low) {
            const long double middle = std::sqrt(low) * std::sqrt(high);
            (count(matrix, middle) > k ? high : low) = middle;
        }
        while (high - low > 1e-19L * high) {
            const long double middle = 0.5L * (low + high);
            if (middle <= low || middle >= high) break;
            (count(matrix, middle) > k ? high : low) = middle;
        }
        found.push_back(0.5L * (low + high));
    }
    return found;
}

inline std::vector<long double> eigenvalues(const std::vector<double>& d,
                                            const std::vector<double>& e) {
    long double norm = 0.0L;
    for (const double value : d) norm = std::max<long double>(norm, std::fabs(value));
    for (const double value : e) norm = std::max<long double>(norm, std::fabs(value));
    std::vector<long double> found;
    for (htmu::Index k = 0; k < size_of(d); ++k) {
        long double low = -3.01L * norm, high = 3.01L * norm;
        while (high - low > 1e-20L * norm) {
            const long double middle = 0.5L * (low + high);
            if (middle <= low || middle >= high) break;
            (count(d, e, middle) > k ? high : low) = middle;
        }
        found.push_back(0.5L * (low + high));
    }
    return found;
}

}  // namespace reference_sturm
