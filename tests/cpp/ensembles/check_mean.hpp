#pragma once

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

/// The mean of independent draws lies within five standard errors of `expected` (false alarm 6e-7;
/// the seeds are fixed).
inline void check_mean(const std::vector<double>& draws, double expected) {
    double sum = 0.0, squares = 0.0;
    for (const double x : draws) {
        sum += x;
        squares += x * x;
    }
    const auto n = static_cast<double>(draws.size());
    const double mean = sum / n;
    const double error = std::sqrt((squares / n - mean * mean) / n);
    CHECK(std::abs(mean - expected) <= 5.0 * error + 1e-12 * std::abs(expected));
}

/// The same for the mean and, by the squared deviations from it, the variance.
inline void check_moments(std::vector<double> draws, double mean, double variance) {
    check_mean(draws, mean);
    for (double& x : draws) x = (x - mean) * (x - mean);
    check_mean(draws, variance);
}
