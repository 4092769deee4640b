#include "htmu/special/htmp_kernels.hpp"

namespace htmu {

HTMU_DECLARE_KERNEL(void, htmp_march, (const Collocation& method, HtmpMarch& march))
HTMU_DECLARE_KERNEL(void, htmp_cumulative,
                    (const Collocation& method, const HtmpSegment& segment, bool forward,
                     double* value, double* log_coefficients))
HTMU_DECLARE_KERNEL(void, htmp_values,
                    (const HtmpPieces& pieces, HtmpQuantity quantity, Index n, const double* x,
                     double* values))
HTMU_DECLARE_KERNEL(void, htmp_gradient,
                    (const HtmpPieces& pieces, Index n, const double* x, Index stride,
                     double* values))
HTMU_DECLARE_KERNEL(Index, htmp_quantiles,
                    (const HtmpPieces& pieces, bool upper, Index n, const double* p, double* x))

void htmp_march(const Collocation& method, HtmpMarch& march) {
    HTMU_DISPATCH(htmp_march)(method, march);
}
void htmp_cumulative(const Collocation& method, const HtmpSegment& segment, bool forward,
                     double* value, double* log_coefficients) {
    HTMU_DISPATCH(htmp_cumulative)(method, segment, forward, value, log_coefficients);
}
void htmp_values(const HtmpPieces& pieces, HtmpQuantity quantity, Index n, const double* x,
                 double* values) {
    HTMU_DISPATCH(htmp_values)(pieces, quantity, n, x, values);
}
void htmp_gradient(const HtmpPieces& pieces, Index n, const double* x, Index stride,
                   double* values) {
    HTMU_DISPATCH(htmp_gradient)(pieces, n, x, stride, values);
}
Index htmp_quantiles(const HtmpPieces& pieces, bool upper, Index n, const double* p, double* x) {
    return HTMU_DISPATCH(htmp_quantiles)(pieces, upper, n, p, x);
}

}  // namespace htmu
