#include "htmu/random/gamma_table.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "htmu/common/errors.hpp"
#include "htmu/random/variate_rows.hpp"

namespace htmu {

GammaTable::GammaTable(ConstSpan shapes, std::span<const std::uint32_t> entries)
    : shape_(shapes.begin(), shapes.end()), entry_(entries.begin(), entries.end()) {
    if (shapes.size() != entries.size()) {
        throw InvalidInput("entries must be as many as shapes, got " +
                           std::to_string(entries.size()) + " and " +
                           std::to_string(shapes.size()));
    }
    for (std::vector<double>* constants : {&offset_, &spread_, &boost_, &log_offset_}) {
        constants->reserve(shapes.size());
    }
    for (const double shape : shapes) {
        if (!(shape >= 0.0) || !std::isfinite(shape)) {
            throw InvalidInput("shapes must be finite and at least 0, got " +
                               std::to_string(shape));
        }
        const GammaLaw law(shape);
        const bool zero = shape == 0.0;
        offset_.push_back(zero ? 0.0 : law.offset());
        spread_.push_back(zero ? 0.0 : law.spread());
        boost_.push_back(zero ? 0.0 : law.boost());
        log_offset_.push_back(zero ? -std::numeric_limits<double>::infinity()
                                   : portable_log(law.offset()));
    }
}

void GammaTable::fill(GammaForm form, double scale, StreamKey key, MatrixNumbers numbers,
                      double* out) const {
    const PhiloxKey words = key.words();
    const Index lanes = numbers.count;
    for (Index begin = 0; begin < size(); begin += rows_of_block(lanes)) {
        const StreamRows rows{words[0],
                              words[1],
                              numbers.first,
                              0,
                              numbers.stride,
                              entry_.data() + begin,
                              std::min(size() - begin, rows_of_block(lanes)),
                              lanes};
        const GammaConstants laws{offset_.data() + begin,
                                  spread_.data() + begin,
                                  boost_.data() + begin,
                                  log_offset_.data() + begin,
                                  1,
                                  0};
        draw_gamma_rows(rows, laws, form, scale, out + begin * lockstep_lanes);
    }
}

void fill_normals(double scale, StreamKey key, MatrixNumbers numbers,
                  std::span<const std::uint32_t> entries, double* out) {
    const PhiloxKey words = key.words();
    const Index lanes = numbers.count;
    const auto size = static_cast<Index>(entries.size());
    for (Index begin = 0; begin < size; begin += rows_of_block(lanes)) {
        const StreamRows rows{words[0],
                              words[1],
                              numbers.first,
                              0,
                              numbers.stride,
                              entries.data() + begin,
                              std::min(size - begin, rows_of_block(lanes)),
                              lanes};
        draw_normal_rows(rows, scale, out + begin * lockstep_lanes);
    }
}

}  // namespace htmu
