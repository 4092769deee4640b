#include "htmu/random/variates.hpp"

#include <array>

namespace htmu {
namespace {

/// Layer edges x_0 > x_1 > ... > x_256 = 0 of equal-area layers under exp(-x^2/2); x_0 is the
/// width of the base layer's rectangle, which has the tail beyond x_1 folded in.
struct Ziggurat {
    static constexpr double tail_start = 3.6541528853610088;
    static constexpr double layer_area = 0.00492867323399;
    std::array<double, 257> edge{};
    std::array<double, 257> height{};

    Ziggurat() noexcept {
        edge[0] = layer_area / std::exp(-0.5 * tail_start * tail_start);
        edge[1] = tail_start;
        for (std::size_t i = 2; i < 256; ++i) {
            const double previous = edge[i - 1];
            edge[i] = std::sqrt(
                -2.0 * std::log(layer_area / previous + std::exp(-0.5 * previous * previous)));
        }
        edge[256] = 0.0;
        for (std::size_t i = 0; i < 257; ++i) height[i] = std::exp(-0.5 * edge[i] * edge[i]);
    }
};

const Ziggurat ziggurat;

/// |Z| given |Z| > tail_start (Marsaglia 1964).
double normal_tail(Stream& stream) noexcept {
    for (;;) {
        const double excess = -std::log(stream.uniform()) / Ziggurat::tail_start;
        const double height = -std::log(stream.uniform());
        if (2.0 * height > excess * excess) return Ziggurat::tail_start + excess;
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
        const double x = fraction * ziggurat.edge[layer];
        if (std::fabs(x) < ziggurat.edge[layer + 1]) return x;
        if (layer == 0) {
            const double tail = normal_tail(stream);
            return fraction < 0.0 ? -tail : tail;
        }
        const double lower = ziggurat.height[layer];
        const double upper = ziggurat.height[layer + 1];
        if (lower + stream.uniform() * (upper - lower) < std::exp(-0.5 * x * x)) return x;
    }
}

}  // namespace htmu
