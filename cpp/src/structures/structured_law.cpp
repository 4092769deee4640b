#include "htmu/structures/structured_law.hpp"

#include <limits>

namespace htmu {

std::int64_t StructuredLaw::available_samples() const {
    return std::numeric_limits<std::int64_t>::max();
}

double StructuredLaw::sample_cost() const {
    const auto size = static_cast<double>(matrix_size());
    return 200.0 + 30.0 * size + 0.3 * size * size;
}

}  // namespace htmu
