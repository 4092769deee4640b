// Batcher's merge exchange (Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M): a
// sorting network for any number of rows, each comparison for whole vectors of lanes.

#include "htmu/common/lockstep.hpp"
#include "htmu/common/vectors.hpp"

namespace htmu::HTMU_TARGET {
namespace {

template <int G>
HTMU_INLINE void compare_exchange(double* low, double* high) {
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) {
        const Vec x = load(low + g * width);
        const Vec y = load(high + g * width);
        store(low + g * width, smaller(x, y));
        store(high + g * width, larger(y, x));
    }
}

template <int G>
void sort_groups(Index n, double* values) {
    Index largest_step = 1;
    while (2 * largest_step < n) largest_step *= 2;
    for (Index p = largest_step; p > 0; p /= 2) {
        Index r = 0;
        Index distance = p;
        for (Index q = largest_step;; q /= 2) {
            // Rows i with i & p == r, in runs of p.
            for (Index start = r; start < n - distance; start += 2 * p) {
                const Index end = start + p < n - distance ? start + p : n - distance;
                for (Index i = start; i < end; ++i) {
                    double* low = values + i * lockstep_lanes;
                    compare_exchange<G>(low, low + distance * lockstep_lanes);
                }
            }
            if (q == p) break;
            distance = q - p;
            r = p;
        }
    }
}

}  // namespace

void sort_lanes(Index n, Index lanes, double* values) {
    constexpr int most = 4;
    if (n < 2) return;
    for (Index first = 0; first < lanes;) {
        const Index groups = (lanes - first + width - 1) / width;
        if (groups >= most) {
            sort_groups<most>(n, values + first);
            first += most * width;
        } else {
            sort_groups<1>(n, values + first);
            first += width;
        }
    }
}

}  // namespace htmu::HTMU_TARGET
