#include "htmu/structures/sampled.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include "htmu/common/errors.hpp"

namespace htmu {
namespace {

void check_spectrum(ConstSpan spectrum, std::uint64_t sample) {
    for (const double value : spectrum) {
        if (!std::isfinite(value)) {
            std::ostringstream message;
            message << "sample " << sample << " has an eigenvalue that is not finite (" << value
                    << "); remove the sample or mend it";
            throw NonFinite(message.str());
        }
        if (!(value > 0.0)) {
            std::ostringstream message;
            message << "sample " << sample << " has the eigenvalue " << value
                    << "; a positive matrix has positive eigenvalues: drop the null space or "
                       "check the sign";
            throw InvalidInput(message.str());
        }
    }
}

}  // namespace

ArrayLaw::ArrayLaw(ConstSpan spectra, Index matrix_size)
    : spectra_(spectra.begin(), spectra.end()), matrix_size_(matrix_size) {
    const auto size = static_cast<std::size_t>(matrix_size);
    for (std::size_t sample = 0; sample * size < spectra_.size(); ++sample) {
        check_spectrum(spectra.subspan(sample * size, size), sample);
    }
}

std::int64_t ArrayLaw::available_samples() const {
    return static_cast<std::int64_t>(spectra_.size()) / matrix_size_;
}

void ArrayLaw::sample(StreamKey /*key*/, SampleRange samples, StructureWorkspace& /*workspace*/,
                      Span eigenvalues, Span /*controls*/) const {
    const auto first = static_cast<Index>(samples.first);
    std::copy_n(spectra_.begin() + first * matrix_size_, samples.count * matrix_size_,
                eigenvalues.begin());
}

CallbackLaw::CallbackLaw(Index matrix_size, Draw draw)
    : matrix_size_(matrix_size), draw_(std::move(draw)) {}

void CallbackLaw::prepare(std::uint64_t first, Index count) {
    constexpr auto group = static_cast<std::uint64_t>(group_size);
    const auto size = static_cast<std::size_t>(matrix_size_);
    const std::uint64_t first_group = first / group;
    const std::uint64_t last_group =
        (first + static_cast<std::uint64_t>(count) + group - 1) / group;
    buffer_first_ = first_group * group;
    buffer_.resize((last_group - first_group) * group * size);
    const Span buffer(buffer_);
    for (std::uint64_t g = first_group; g < last_group; ++g) {
        const Span out = buffer.subspan((g - first_group) * group * size, group * size);
        draw_(g, out);
        for (std::uint64_t k = 0; k < group; ++k) {
            check_spectrum(out.subspan(k * size, size), g * group + k);
        }
    }
}

void CallbackLaw::sample(StreamKey /*key*/, SampleRange samples, StructureWorkspace& /*workspace*/,
                         Span eigenvalues, Span /*controls*/) const {
    const auto offset = static_cast<Index>(samples.first - buffer_first_);
    std::copy_n(buffer_.begin() + offset * matrix_size_, samples.count * matrix_size_,
                eigenvalues.begin());
}

}  // namespace htmu
