#include "htmu/structures/structured_law.hpp"

#include <cmath>
#include <limits>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/log_vandermonde.hpp"
#include "htmu/linalg/rows.hpp"
#include "htmu/linalg/scaled_product.hpp"

namespace htmu {

SpectrumStatistics spectrum_statistics(ConstSpan eigenvalues, std::uint64_t sample) {
    SpectrumStatistics statistics;
    statistics.log_vandermonde = log_vandermonde(eigenvalues);
    if (!std::isfinite(statistics.log_vandermonde)) {
        throw RepeatedEigenvalue(
            "sample " + std::to_string(sample) +
            " repeats an eigenvalue to machine precision, so its log-Vandermonde is not finite and "
            "kappa is undefined; remove exact multiplicities, or the null space, first (for alpha "
            "near "
            "-1 eigenvalues underflow: raise alpha)");
    }
    statistics.sum_log = sum_of_logs(eigenvalues);
    for (const double value : eigenvalues) statistics.sum += value;
    statistics.log_sum = std::log(statistics.sum);
    return statistics;
}

void StructuredLaw::draw(StreamKey key, SampleRange range, StructureWorkspace& workspace,
                         std::span<Draw> draws, Span controls) const {
    workspace.eigenvalues.resize(static_cast<std::size_t>(range.count * matrix_size()));
    sample(key, range, workspace, workspace.eigenvalues, controls);
    for (Index k = 0; k < range.count; ++k) {
        const SpectrumStatistics statistics =
            spectrum_statistics(row_of(ConstSpan(workspace.eigenvalues), k, matrix_size()),
                                range.first + static_cast<std::uint64_t>(k));
        draws[static_cast<std::size_t>(k)] = {statistics, statistics};
    }
}

std::int64_t StructuredLaw::available_samples() const {
    return std::numeric_limits<std::int64_t>::max();
}

double StructuredLaw::sample_cost() const {
    const auto size = static_cast<double>(matrix_size());
    return 200.0 + 30.0 * size + 0.3 * size * size;
}

}  // namespace htmu
