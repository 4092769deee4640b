#pragma once

#include "htmu/common/types.hpp"

namespace htmu {

/// Mean and variance of a statistic of one matrix.
struct Moments {
    double mean = 0.0;
    double variance = 0.0;
};

/// Checks of the parameters that the ensembles share. Each throws InvalidInput naming the parameter
/// when it lies outside its domain.
void require_size(Index n);                             ///< n >= 1
void require_dyson_index(double beta);                  ///< finite, >= 0
void require_exponent(const char* name, double value);  ///< of a weight: finite, > -1
void require_rate(double rate);                         ///< finite, > 0, and so its inverse

}  // namespace htmu
