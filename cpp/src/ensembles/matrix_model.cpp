#include "htmu/ensembles/matrix_model.hpp"

#include <vector>

namespace htmu {
namespace {

/// Puts a vector into a lane, squared if asked.
void store_lane(ConstSpan values, bool squared, double* lane) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double value = values[i];
        lane[static_cast<Index>(i) * lockstep_lanes] = squared ? value * value : value;
    }
}

}  // namespace

void MatrixModel::sample_lockstep(Entries entries, StreamKey key, MatrixNumbers numbers,
                                  double* diagonal, double* off_diagonal) const {
    const auto size = static_cast<std::size_t>(n());
    std::vector<double> d(size), e(size - 1);
    const bool squares = entries == Entries::squares;
    for (Index k = 0; k < numbers.count; ++k) {
        sample(key, numbers[k], d, e);
        store_lane(d, squares && form() == Form::bidiagonal, diagonal + k);
        store_lane(e, squares, off_diagonal + k);
    }
}

}  // namespace htmu
