#include "htmu/linalg/log_vandermonde.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "htmu/linalg/rows.hpp"
#include "htmu/linalg/scaled_product.hpp"

namespace htmu {
namespace {

constexpr double log_2 = 0.693147180559945309417232121458;
constexpr Index lanes = 32;

/// How to multiply the differences of one sorted vector without overflow or underflow: every
/// difference, times 2^-shift, lies in [2^-depth, 1], so `chunk` of them stay normal numbers.
struct DifferenceScale {
    bool repeated = false;
    bool exact = false;  ///< scaling keeps every difference a normal number
    int shift = 0;
    int chunk = 1;
};

DifferenceScale difference_scale(ConstSpan x) {
    double smallest_gap = std::numeric_limits<double>::infinity();
    for (std::size_t i = 1; i < x.size(); ++i) {
        smallest_gap = std::min(smallest_gap, x[i] - x[i - 1]);
    }
    if (!(smallest_gap > 0.0)) return {.repeated = true};
    // Halved, so that the range of values up to the largest double does not overflow.
    const double half_range = 0.5 * x.back() - 0.5 * x.front();
    const int shift = std::ilogb(half_range) + 2;
    const int gap = std::ilogb(smallest_gap);
    constexpr int guard = -1022 + 54;
    return {.exact = shift < 1000 && gap > guard && gap - shift > guard,
            .shift = shift,
            .chunk = std::clamp(1000 / std::max(1, shift - gap), 1, 64)};
}

/// x times 2^-shift, exactly unless a value falls below the normal range.
void scale(ConstSpan x, int shift, double* scaled) {
    const double factor = std::scalbn(1.0, -shift);
    for (std::size_t i = 0; i < x.size(); ++i) scaled[i] = x[i] * factor;
}

/// Pairs inside x[first, last).
void multiply_triangle(const double* x, Index first, Index last, int chunk,
                       ScaledProduct& product) {
    double partial = 1.0;
    int factors = 0;
    for (Index i = first; i < last; ++i) {
        for (Index j = i + 1; j < last; ++j) {
            partial *= x[j] - x[i];
            if (++factors == chunk) {
                product.multiply(partial);
                partial = 1.0;
                factors = 0;
            }
        }
    }
    product.multiply(partial);
}

/// Pairs of the `lanes` values from x[first] with each of x[first + lanes, n): one running
/// product a lane, so that the compiler can use the vector unit.
void multiply_rectangle(const double* x, Index first, Index n, int chunk, ScaledProduct& product) {
    alignas(64) std::array<double, lanes> base;
    alignas(64) std::array<double, lanes> partial;
    alignas(64) std::array<std::uint64_t, lanes> exponents{};
    std::copy_n(x + first, lanes, base.begin());
    partial.fill(1.0);
    Index n_rescales = 0;
    for (Index j = first + lanes; j < n;) {
        const Index stop = std::min(n, j + chunk);
        for (; j < stop; ++j) {
            const double value = x[j];
            for (std::size_t lane = 0; lane < lanes; ++lane) partial[lane] *= value - base[lane];
        }
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            const auto bits = std::bit_cast<std::uint64_t>(partial[lane]);
            exponents[lane] += bits >> 52;
            partial[lane] =
                std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u);
        }
        ++n_rescales;
    }
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        product.multiply(partial[lane]);
        product.add_exponent(static_cast<std::int64_t>(exponents[lane]) - 1023 * n_rescales);
    }
}

/// Pairs (i, j), i < j, with i in [first, last); first and last are multiples of `lanes`, or n.
double strip(const double* x, Index first, Index last, Index n, int chunk) {
    ScaledProduct product;
    for (Index i = first; i < last; i += lanes) {
        const Index block_end = std::min(i + lanes, n);
        multiply_triangle(x, i, block_end, chunk, product);
        if (block_end < n) multiply_rectangle(x, i, n, chunk, product);
    }
    return product.log();
}

/// Values so far apart in scale that scaling them loses bits: one logarithm a pair.
double pairwise_logs(ConstSpan x) {
    double sum = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        for (std::size_t j = i + 1; j < x.size(); ++j) {
            // Halves do not overflow; log 2 restores the factor.
            const double gap = x[j] - x[i];
            sum += std::isfinite(gap) ? std::log(gap) : std::log(0.5 * x[j] - 0.5 * x[i]) + log_2;
        }
    }
    return sum;
}

}  // namespace

double log_vandermonde_sorted(ConstSpan x) {
    const auto n = static_cast<Index>(x.size());
    if (n < 2) return 0.0;
    const DifferenceScale by = difference_scale(x);
    if (by.repeated) return -std::numeric_limits<double>::infinity();
    if (!by.exact) return pairwise_logs(x);
    // Small vectors stay on the stack: this is the inner loop of the kappa solver.
    constexpr std::size_t small = 256;
    std::array<double, small> local;
    std::vector<double> heap;
    double* scaled = local.data();
    if (x.size() > small) {
        heap.resize(x.size());
        scaled = heap.data();
    }
    scale(x, by.shift, scaled);
    return strip(scaled, 0, n, n, by.chunk) + by.shift * log_2 * n_pairs(n);
}

double log_vandermonde(ConstSpan x, std::vector<double>& scratch) {
    scratch.assign(x.begin(), x.end());
    std::sort(scratch.begin(), scratch.end());
    return log_vandermonde_sorted(scratch);
}

namespace {

/// One long row, its strips in parallel.
double log_vandermonde_strips(ConstSpan row, const RunControl& control) {
    std::vector<double> sorted(row.begin(), row.end());
    std::sort(sorted.begin(), sorted.end());
    const auto n = static_cast<Index>(sorted.size());
    const DifferenceScale by = difference_scale(sorted);
    if (by.repeated || !by.exact) return log_vandermonde_sorted(sorted);
    scale(sorted, by.shift, sorted.data());
    // Strips of about 2^22 pairs, some milliseconds each.
    const Index rows_per_strip = std::max<Index>(1, (Index{1} << 22) / (n * lanes)) * lanes;
    const Index n_strips = (n + rows_per_strip - 1) / rows_per_strip;
    std::vector<double> partial(static_cast<std::size_t>(n_strips));
    parallel_for(n_strips, control, [&](Index item, int) {
        const Index first = item * rows_per_strip;
        partial[static_cast<std::size_t>(item)] =
            strip(sorted.data(), first, std::min(n, first + rows_per_strip), n, by.chunk);
    });
    return std::accumulate(partial.begin(), partial.end(), 0.0) + by.shift * log_2 * n_pairs(n);
}

}  // namespace

void log_vandermonde_batch(Index batch, Index n, ConstSpan x, const RunControl& control,
                           Span result) {
    constexpr Index long_row = 4096;
    if (n >= long_row) {
        for (Index row = 0; row < batch; ++row) {
            require_finite(row_of(x, row, n), "row", row);
            result[static_cast<std::size_t>(row)] =
                log_vandermonde_strips(row_of(x, row, n), control);
        }
        return;
    }
    std::vector<std::vector<double>> scratch(thread_slots(control));
    const double cost = 20.0 * static_cast<double>(n) + 0.2 * n_pairs(n) + 20.0;
    for_each_row(batch, cost, control, [&](Index row, std::size_t worker) {
        require_finite(row_of(x, row, n), "row", row);
        result[static_cast<std::size_t>(row)] = log_vandermonde(row_of(x, row, n), scratch[worker]);
    });
}

}  // namespace htmu
