#include "htmu/random/variates.hpp"

#include "htmu/random/ziggurat.hpp"

namespace htmu {
namespace {

/// |Z| given |Z| > ziggurat_tail_start (Marsaglia 1964).
double normal_tail(Stream& stream) noexcept {
    for (;;) {
        const double excess = -portable_log(stream.uniform()) / ziggurat_tail_start;
        const double height = -portable_log(stream.uniform());
        if (2.0 * height > excess * excess) return ziggurat_tail_start + excess;
    }
}

}  // namespace

double normal_variate(Stream& stream) noexcept {
    for (;;) {
        const std::uint64_t word = stream.next();
        const std::size_t layer = word & 255u;
        // The top 53 bits as a signed fraction; the layer uses the lowest 8, so they are apart.
        const double fraction =
            static_cast<double>(static_cast<std::int64_t>(word) >> 11) * 0x1p-52;
        const double x = fraction * ziggurat_edge[layer];
        if (std::fabs(x) < ziggurat_edge[layer + 1]) return x;
        if (layer == 0) {
            const double tail = normal_tail(stream);
            return fraction < 0.0 ? -tail : tail;
        }
        const double lower = ziggurat_height[layer];
        const double upper = ziggurat_height[layer + 1];
        if (lower + stream.uniform() * (upper - lower) < portable_exp(-0.5 * x * x)) return x;
    }
}

}  // namespace htmu
