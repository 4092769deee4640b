#include "htmu/special/collocation.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace htmu {
namespace {

using Real = long double;  // wider than double on some platforms only: nothing depends on it
constexpr int n = n_stages;
constexpr std::size_t n_values = n + 2;
using Column = std::array<Real, n_values>;

/// P_0(x), .., P_17(x), by the three-term recurrence (DLMF 18.9.1).
Column legendre_values(Real x) {
    Column p{};
    p[0] = 1;
    p[1] = x;
    for (std::size_t k = 2; k < n_values; ++k) {
        const auto order = static_cast<Real>(k);
        p[k] = ((2 * order - 1) * x * p[k - 1] - (order - 1) * p[k - 2]) / order;
    }
    return p;
}

/// Node k, ascending: Newton on (P_15 - P_16) / (1 - x), whose derivative follows from
/// (1 - x^2) P_m' = m (P_{m-1} - x P_m).
Real node(int k) {
    if (k == n - 1) return 1;
    const Real pi = std::numbers::pi_v<Real>;
    // Jacobi's asymptotic zeros, DLMF 18.16.12 for alpha = 1, beta = 0.
    Real x = std::cos(pi * (static_cast<Real>(n - 1 - k) + Real(0.25)) / n);
    for (int step = 0; step < 20; ++step) {
        const Column p = legendre_values(x);
        const Real value = p[n - 1] - p[n];
        const Real slope =
            ((n - 1) * (p[n - 2] - x * p[n - 1]) - n * (p[n - 1] - x * p[n])) / (1 - x * x);
        const Real change = value / (slope + value / (1 - x));
        x -= change;
        if (std::fabs(change) < Real(1e-18)) break;
    }
    return x;
}

Collocation make_collocation() {
    std::array<Real, n> x{}, weight{};
    std::array<Column, n> p{};
    for (int i = 0; i < n; ++i) {
        const auto at = static_cast<std::size_t>(i);
        x[at] = node(i);
        p[at] = legendre_values(x[at]);
        // Weights of Radau's quadrature: (1 + x) / (n P_{n-1}(x))^2, mirrored.
        const Real scaled = n * p[at][n - 1];
        weight[at] = (1 + x[at]) / (scaled * scaled);
    }
    // Interpolant at the nodes, of degree 15: coefficient k = sum_j q[k][j] value_j.
    std::array<std::array<Real, n>, n> q{}, a{};
    std::array<Real, n> at_start{};
    for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t k = 0; k < n; ++k) {
            q[k][j] = (static_cast<Real>(k) + Real(0.5)) * weight[j] * p[j][k];
            at_start[j] += k % 2 == 0 ? q[k][j] : -q[k][j];
        }
    }
    Collocation result{};
    for (std::size_t j = 0; j < n; ++j) {
        result.tau[j] = static_cast<double>((x[j] + 1) / 2);
        for (std::size_t i = 0; i < n; ++i) {
            // The integral of P_k from -1 is (P_{k+1} - P_{k-1}) / (2 k + 1), of P_0 it is 1 + x.
            Real sum = q[0][j] * (1 + x[i]);
            for (std::size_t k = 1; k < n; ++k) {
                sum += q[k][j] * (p[i][k + 1] - p[i][k - 1]) / (2 * static_cast<Real>(k) + 1);
            }
            a[i][j] = sum / 2;
            result.integral[j * n + i] = static_cast<double>(a[i][j]);
        }
        // Degree 16: P_15 - P_16 vanishes at the nodes and is -2 at the start.
        for (std::size_t k = 0; k < n; ++k) {
            const Real extra = k == n - 1 ? at_start[j] / 2 : Real(0);
            result.legendre[j * n + k] = static_cast<double>(q[k][j] + extra);
        }
        result.last_legendre[j] = static_cast<double>(-at_start[j] / 2);
        for (std::size_t i = 0; i < n; ++i) {
            const Column mirrored = legendre_values(-x[i]);
            Real value = at_start[j] / 2 * (mirrored[n - 1] - mirrored[n]);
            for (std::size_t k = 0; k < n; ++k) value += q[k][j] * mirrored[k];
            result.mirror[j * n + i] = static_cast<double>(value);
        }
    }
    for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t i = 0; i < n; ++i) {
            Real sum = 0;
            for (std::size_t k = 0; k < n; ++k) sum += a[i][k] * a[k][j];
            result.double_integral[j * n + i] = static_cast<double>(sum);
        }
    }
    // Monomial coefficients of P_k, exact in 53 bits up to their division.
    std::array<std::array<Real, n + 1>, n + 1> monomial{};
    monomial[0][0] = 1;
    monomial[1][1] = 1;
    for (std::size_t k = 2; k <= n; ++k) {
        const auto order = static_cast<Real>(k);
        for (std::size_t i = 0; i <= k; ++i) {
            const Real shifted = i > 0 ? monomial[k - 1][i - 1] : Real(0);
            monomial[k][i] = ((2 * order - 1) * shifted - (order - 1) * monomial[k - 2][i]) / order;
        }
    }
    for (std::size_t k = 0; k <= n; ++k) {
        for (std::size_t i = 0; i < n; ++i) {
            result.monomial[k * n + i] = static_cast<double>(monomial[k][i]);
        }
    }
    result.last_monomial = static_cast<double>(monomial[n][n]);
    return result;
}

}  // namespace

const Collocation& collocation() {
    static const Collocation constants = make_collocation();
    return constants;
}

}  // namespace htmu
