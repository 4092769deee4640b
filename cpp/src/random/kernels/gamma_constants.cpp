// Constants of Gamma laws, as the constructor of GammaLaw computes them.

#include "stream_vectors.hpp"

namespace htmu::HTMU_TARGET {

void gamma_constants(const double* shapes, Index n, double factor, double* offset, double* spread,
                     double* boost, double* log_offset) {
    for (Index i = 0; i < n; i += width) {
        const Vec shape = factor * load_first(shapes + i, n - i);
        const IntVec small = shape < 1.0;
        const Vec d = (small ? shape + 1.0 : shape) - 1.0 / 3.0;
        store(offset + i, d);
        store(spread + i, 1.0 / square_root(9.0 * d));
        store(boost + i, any(small) ? (small ? 1.0 / shape : splat(0.0)) : splat(0.0));
        if (log_offset != nullptr) store(log_offset + i, log_of(d));
    }
}

}  // namespace htmu::HTMU_TARGET
