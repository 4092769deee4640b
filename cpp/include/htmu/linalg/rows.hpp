#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "htmu/common/errors.hpp"
#include "htmu/common/types.hpp"

namespace htmu {

/// Row number `row` of a batch of rows of one length.
[[nodiscard]] inline ConstSpan row_of(ConstSpan batch, Index row, Index length) {
    return batch.subspan(static_cast<std::size_t>(row * length), static_cast<std::size_t>(length));
}
[[nodiscard]] inline Span row_of(Span batch, Index row, Index length) {
    return batch.subspan(static_cast<std::size_t>(row * length), static_cast<std::size_t>(length));
}

[[nodiscard]] inline bool all_finite(ConstSpan values) {
    return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

/// Throws NonFinite, naming what and its number, unless every value is finite.
inline void require_finite(ConstSpan values, const char* what, Index number) {
    if (!all_finite(values)) {
        throw NonFinite(std::string(what) + " " + std::to_string(number) +
                        " has an entry that is NaN or infinite; remove it or mend it");
    }
}

}  // namespace htmu
