#include "htmu/special/digamma.hpp"

#include <cmath>
#include <limits>

namespace htmu {
namespace {

constexpr double asymptotic_start = 10.0;

}  // namespace

double digamma(double x) noexcept {
    if (!(x > 0.0)) return std::numeric_limits<double>::quiet_NaN();
    double shift = 0.0;
    while (x < asymptotic_start) {
        shift += 1.0 / x;
        x += 1.0;
    }
    // log x - 1/(2x) - sum B_{2k} / (2k x^{2k})
    const double w = 1.0 / (x * x);
    const double series =
        w * (1.0 / 12.0 -
             w * (1.0 / 120.0 -
                  w * (1.0 / 252.0 -
                       w * (1.0 / 240.0 -
                            w * (1.0 / 132.0 - w * (691.0 / 32760.0 -
                                                    w * (1.0 / 12.0 - w * 3617.0 / 8160.0)))))));
    return std::log(x) - 0.5 / x - series - shift;
}

double trigamma(double x) noexcept {
    if (!(x > 0.0)) return std::numeric_limits<double>::quiet_NaN();
    double shift = 0.0;
    while (x < asymptotic_start) {
        shift += 1.0 / (x * x);
        x += 1.0;
    }
    // 1/x + 1/(2x^2) + sum B_{2k} / x^{2k+1}
    const double u = 1.0 / x;
    const double w = u * u;
    const double series =
        w * (1.0 / 6.0 -
             w * (1.0 / 30.0 -
                  w * (1.0 / 42.0 -
                       w * (1.0 / 30.0 -
                            w * (5.0 / 66.0 -
                                 w * (691.0 / 2730.0 - w * (7.0 / 6.0 - w * 3617.0 / 510.0)))))));
    return u * (1.0 + 0.5 * u + series) + shift;
}

}  // namespace htmu
