#pragma once

#include <functional>

#include "htmu/structures/structured_law.hpp"

namespace htmu {

/// Spectra that the user computed: rows of an array. No control variates.
class ArrayLaw final : public StructuredLaw {
   public:
    /// spectra is (samples, matrix_size), positive and finite; it is copied. Throws NonFinite or
    /// InvalidInput naming the sample.
    ArrayLaw(ConstSpan spectra, Index matrix_size);

    [[nodiscard]] Index matrix_size() const override { return matrix_size_; }
    [[nodiscard]] const std::vector<ControlVariate>& control_variates() const override {
        return controls_;
    }
    void sample(StreamKey key, SampleRange samples, StructureWorkspace& workspace, Span eigenvalues,
                Span controls) const override;
    [[nodiscard]] std::int64_t available_samples() const override;

   private:
    std::vector<double> spectra_;
    Index matrix_size_;
    std::vector<ControlVariate> controls_;
};

/// Spectra from a user's function, asked for in groups on the solver's thread. Group g holds
/// samples [g group_size, (g+1) group_size) and must be a function of g alone.
class CallbackLaw final : public StructuredLaw {
   public:
    static constexpr Index group_size = 64;
    /// draw(group, out) fills out, (group_size, matrix_size).
    using Draw = std::function<void(std::uint64_t group, Span out)>;

    CallbackLaw(Index matrix_size, Draw draw);

    [[nodiscard]] Index matrix_size() const override { return matrix_size_; }
    [[nodiscard]] const std::vector<ControlVariate>& control_variates() const override {
        return controls_;
    }
    void prepare(std::uint64_t first, Index count) override;
    void sample(StreamKey key, SampleRange samples, StructureWorkspace& workspace, Span eigenvalues,
                Span controls) const override;

   private:
    Index matrix_size_;
    Draw draw_;
    std::vector<double> buffer_;
    std::uint64_t buffer_first_ = 0;
    std::vector<ControlVariate> controls_;
};

}  // namespace htmu
