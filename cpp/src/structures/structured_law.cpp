#include "htmu/structures/structured_law.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/log_vandermonde.hpp"
#include "htmu/linalg/scaled_product.hpp"

namespace htmu {

SpectrumStatistics spectrum_statistics(Span eigenvalues, std::uint64_t sample) {
    std::sort(eigenvalues.begin(), eigenvalues.end());
    SpectrumStatistics statistics;
    statistics.log_vandermonde = log_vandermonde_sorted(eigenvalues);
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

StructuredLaw::Draw StructuredLaw::draw(StreamKey key, std::uint64_t index,
                                        StructureWorkspace& workspace, Span controls) const {
    workspace.eigenvalues.resize(static_cast<std::size_t>(matrix_size()));
    sample(key, index, workspace, workspace.eigenvalues, controls);
    const SpectrumStatistics statistics = spectrum_statistics(workspace.eigenvalues, index);
    return {statistics, statistics};
}

std::int64_t StructuredLaw::available_samples() const {
    return std::numeric_limits<std::int64_t>::max();
}

double StructuredLaw::sample_cost() const {
    const auto size = static_cast<double>(matrix_size());
    return 200.0 + 30.0 * size + 0.3 * size * size;
}

}  // namespace htmu
