#pragma once

namespace htmu {

/// Stages of the collocation method, and degree of the polynomials that carry its solutions.
inline constexpr int n_stages = 16;
/// Coefficients of such a polynomial.
inline constexpr int n_coefficients = n_stages + 1;

/// The 16-stage Radau IIA method (order 31, stiffly accurate, L-stable) on a step of unit length,
/// and interpolation at its nodes. Matrices are stored by columns of 16.
/// Source: Hairer and Wanner, Solving Ordinary Differential Equations II, section IV.5. The nodes
/// x = 2 tau - 1 are the roots of P_15 - P_16 (Legendre polynomials); as Radau's quadrature is
/// exact to degree 30, the Legendre coefficients of an interpolant are sums over the nodes, and no
/// matrix is inverted. Error of each entry below 1e-15.
struct alignas(64) Collocation {
    static constexpr int n = n_stages;

    double tau[n];                  ///< nodes in (0, 1], ascending, the last one 1
    double integral[n * n];         ///< A: values at the nodes -> integrals from 0 to the nodes
    double double_integral[n * n];  ///< A^2
    /// Values at the nodes, of a function that vanishes at 0 -> Legendre coefficients 0..15 of the
    /// polynomial of degree 16 that takes them. The last coefficient is `last_legendre` times them.
    double legendre[n * n];
    double last_legendre[n];
    /// Legendre coefficients 0..16 -> monomial coefficients 0..15 in x; the last one is
    /// `last_monomial` times the last.
    double monomial[n * (n + 1)];
    double last_monomial;
    /// Values at the nodes, of a function that vanishes at 0 -> the polynomial's values at 1 - tau.
    double mirror[n * n];
};

[[nodiscard]] const Collocation& collocation();

}  // namespace htmu
