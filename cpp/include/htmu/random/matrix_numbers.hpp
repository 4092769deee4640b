#pragma once

#include <cstdint>

#include "htmu/common/types.hpp"

namespace htmu {

/// `count` matrices of one key: numbers first, first + stride, .., stride below 2^32.
struct MatrixNumbers {
    std::uint64_t first = 0;
    Index count = 1;
    std::uint64_t stride = 1;

    [[nodiscard]] std::uint64_t operator[](Index k) const noexcept {
        return first + static_cast<std::uint64_t>(k) * stride;
    }
    /// Matrices k .. k + length - 1 of these.
    [[nodiscard]] MatrixNumbers part(Index k, Index length) const noexcept {
        return {(*this)[k], length, stride};
    }
};

}  // namespace htmu
