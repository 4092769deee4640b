#pragma once

#include <array>
#include <memory>
#include <vector>

#include "htmu/special/htmp_kernels.hpp"
#include "htmu/special/htmp_table.hpp"

namespace htmu {

/// Makes the pieces of an HtmpTable.
class HtmpTableBuilder {
   public:
    explicit HtmpTableBuilder(HtmpTable& table) : table_(table) {}
    /// Throws ConvergenceFailure.
    void build(bool gradient);

   private:
    using Polynomial = std::array<double, n_coefficients>;
    /// Cumulative polynomials of a segment: of log F or log S, less the tilt.
    struct Cumulative {
        Polynomial log_ratio;  ///< log G
        double lower, upper;   ///< log F or log S at the ends
    };

    HtmpTable& table_;
    std::unique_ptr<HtmpSegment[]> storage_;
    std::vector<const HtmpSegment*> segments_;  ///< from the left end to the right
    HtmpMarch left_{}, right_{};
    std::vector<Cumulative> below_, above_;  ///< from the first segment; from the last
    std::size_t median_ = 0;                 ///< the segment that holds it
    double median_s_ = 0.0;

    void march(bool gradient);
    void run(HtmpMarch& march, HtmpSegment* segments);
    void accumulate();
    [[nodiscard]] Cumulative pass(const HtmpSegment& segment, bool forward, double& value) const;
    void find_median();
    void add_left_tail(bool gradient);
    void add_segment(const HtmpSegment& segment, const Cumulative& cumulative, double lower,
                     double key, bool gradient);
    void finish(bool gradient);
    [[noreturn]] void fail(const char* what, double s) const;
};

}  // namespace htmu
