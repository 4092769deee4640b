#pragma once

#include "htmu/common/types.hpp"

namespace htmu {

/// Which eigenvalues to compute.
struct EigenvalueRange {
    enum class Kind { all, indices, values };
    Kind kind = Kind::all;
    Index first_index = 0;  ///< indices: 0-based, inclusive
    Index last_index = 0;   ///< indices: 0-based, inclusive
    double lower = 0.0;     ///< values: the half-open interval (lower, upper]
    double upper = 0.0;
};

}  // namespace htmu
