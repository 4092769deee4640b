#include "htmu/linalg/log_vandermonde.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "htmu/common/dispatch.hpp"
#include "htmu/common/lockstep.hpp"
#include "htmu/linalg/rows.hpp"
#include "htmu/linalg/scaled_product.hpp"

namespace htmu {

HTMU_DECLARE_KERNEL(void, lockstep_log_vandermonde,
                    (Index n, Index lanes, const double* x, double* result))
/// Product of |x_i - x_j| over the pairs i < j with i in [first, last), mantissa 2^exponent: 0 when
/// one is 0, NaN when a value is not finite. first is a multiple of strip_multiple, and last is
/// one or n.
HTMU_DECLARE_KERNEL(void, difference_product,
                    (Index n, const double* x, Index first, Index last, double* mantissa,
                     std::int64_t* exponent))

namespace {

constexpr Index strip_multiple = 64;
/// Longest rows that are computed in lockstep, and shortest whose strips run in parallel.
constexpr Index lockstep_row = 64;
constexpr Index long_row = 4096;

struct DifferenceProduct {
    double mantissa = 1.0;
    std::int64_t exponent = 0;

    [[nodiscard]] double log() const {
        // Covers 0 and NaN.
        if (!(mantissa > 0.0)) return std::log(mantissa);
        ScaledProduct product;
        product.multiply(mantissa);
        product.add_exponent(exponent);
        return product.log();
    }
};

DifferenceProduct strip(ConstSpan x, Index first, Index last) {
    DifferenceProduct product;
    HTMU_DISPATCH(difference_product)
    (static_cast<Index>(x.size()), x.data(), first, last, &product.mantissa, &product.exponent);
    return product;
}

/// One long row, its strips in parallel.
double log_vandermonde_strips(ConstSpan row, const RunControl& control) {
    const auto n = static_cast<Index>(row.size());
    // Strips of about 2^23 pairs, half a millisecond each.
    const Index rows_per_strip =
        std::max<Index>(1, (Index{1} << 23) / (n * strip_multiple)) * strip_multiple;
    const Index n_strips = (n + rows_per_strip - 1) / rows_per_strip;
    std::vector<DifferenceProduct> strips(static_cast<std::size_t>(n_strips));
    parallel_for(n_strips, control, [&](Index item, int) {
        const Index first = item * rows_per_strip;
        strips[static_cast<std::size_t>(item)] =
            strip(row, first, std::min(n, first + rows_per_strip));
    });
    ScaledProduct product;
    for (const DifferenceProduct& part : strips) {
        if (!(part.mantissa > 0.0)) return part.log();
        product.multiply(part.mantissa);
        product.add_exponent(part.exponent);
    }
    return product.log();
}

void require_number(double log_vandermonde, Index row) {
    if (std::isnan(log_vandermonde)) require_finite({&log_vandermonde, 1}, "row", row);
}

/// Short rows: a group of them side by side.
void log_vandermonde_groups(Index batch, Index n, ConstSpan x, const RunControl& control,
                            Span result) {
    const Index n_groups = (batch + lockstep_lanes - 1) / lockstep_lanes;
    const double cost = 32.0 * (static_cast<double>(n) + 0.07 * n_pairs(n) + 3.0);
    for_each_row(n_groups, cost, control, [&](Index group, std::size_t) {
        const Index first = group * lockstep_lanes;
        const Index lanes = std::min(lockstep_lanes, batch - first);
        alignas(lockstep_alignment)
            std::array<double, static_cast<std::size_t>(lockstep_row * lockstep_lanes)>
                values;
        if (lanes < lockstep_lanes) std::fill_n(values.begin(), n * lockstep_lanes, 0.0);
        for (Index lane = 0; lane < lanes; ++lane) {
            const double* row = x.data() + (first + lane) * n;
            double* to = values.data() + lane;
            for (Index i = 0; i < n; ++i) to[i * lockstep_lanes] = row[i];
        }
        const Span logs =
            result.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(lanes));
        lockstep_log_vandermonde(n, lanes, values.data(), logs.data());
        for (Index lane = 0; lane < lanes; ++lane) {
            require_number(logs[static_cast<std::size_t>(lane)], first + lane);
        }
    });
}

}  // namespace

double log_vandermonde(ConstSpan x) {
    return strip(x, 0, static_cast<Index>(x.size())).log();
}

void lockstep_log_vandermonde(Index n, Index lanes, const double* x, double* result) {
    HTMU_DISPATCH(lockstep_log_vandermonde)(n, lanes, x, result);
}

void log_vandermonde_batch(Index batch, Index n, ConstSpan x, const RunControl& control,
                           Span result) {
    if (n <= lockstep_row) return log_vandermonde_groups(batch, n, x, control, result);
    if (n >= long_row) {
        for (Index row = 0; row < batch; ++row) {
            const double log = log_vandermonde_strips(row_of(x, row, n), control);
            require_number(log, row);
            result[static_cast<std::size_t>(row)] = log;
        }
        return;
    }
    for_each_row(batch, 0.07 * n_pairs(n) + 50.0, control, [&](Index row, std::size_t) {
        const double log = log_vandermonde(row_of(x, row, n));
        require_number(log, row);
        result[static_cast<std::size_t>(row)] = log;
    });
}

}  // namespace htmu
