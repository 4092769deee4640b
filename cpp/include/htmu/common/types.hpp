#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace htmu {

/// Signed size and index type of the core.
using Index = std::ptrdiff_t;

/// Read-only and writable views of contiguous doubles.
using ConstSpan = std::span<const double>;
using Span = std::span<double>;

}  // namespace htmu
