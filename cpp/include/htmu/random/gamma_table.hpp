#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "htmu/common/types.hpp"
#include "htmu/random/matrix_numbers.hpp"
#include "htmu/random/stream.hpp"
#include "htmu/random/variates.hpp"

namespace htmu {

/// Gamma laws, each with the number of the matrix entry that it belongs to, drawn for several
/// matrices side by side (see lockstep.hpp).
class GammaTable {
   public:
    GammaTable() = default;

    /// shapes >= 0, finite; 0 stands for the law concentrated at 0. Throws InvalidInput for other
    /// shapes and for entries of another number than shapes.
    GammaTable(ConstSpan shapes, std::span<const std::uint32_t> entries);

    [[nodiscard]] Index size() const noexcept { return static_cast<Index>(shape_.size()); }
    [[nodiscard]] double shape(Index i) const { return shape_[static_cast<std::size_t>(i)]; }

    /// out[i * lockstep_lanes + k] = scale * (form of law i's variate), drawn from
    /// Stream(key, numbers[k], entries[i]), for i < size() and k < numbers.count <= lockstep_lanes;
    /// log(scale) is added to logarithms. Other lanes are not touched. The bits are those of
    /// GammaLaw::draw, whatever the instruction set. scale must be positive and finite.
    ///
    /// Thread-safe; allocates nothing, but uses 50 KiB of the stack.
    void fill(GammaForm form, double scale, StreamKey key, MatrixNumbers numbers,
              double* out) const;

   private:
    std::vector<double> shape_, offset_, spread_, boost_, log_offset_;
    std::vector<std::uint32_t> entry_;
};

/// out[i * lockstep_lanes + k] = scale * normal_variate(Stream(key, numbers[k], entries[i])) for
/// k < numbers.count <= lockstep_lanes. Other lanes are not touched.
void fill_normals(double scale, StreamKey key, MatrixNumbers numbers,
                  std::span<const std::uint32_t> entries, double* out);

}  // namespace htmu
