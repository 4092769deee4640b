#include "htmu/special/htmp_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "htmp_builder.hpp"
#include "htmu/common/errors.hpp"

namespace htmu {
namespace {

void require_between(const char* name, double value, double lowest, double highest) {
    if (value >= lowest && value <= highest) return;
    std::array<char, 160> text{};
    std::snprintf(text.data(), text.size(), "%s must lie between %g and %g, got %.17g", name,
                  lowest, highest, value);
    throw InvalidInput(text.data());
}

/// Calls body(first, count) for stretches that take milliseconds, and asks in between whether to
/// stop.
template <class Body>
void in_stretches(std::size_t n, const RunControl& control, Body body) {
    constexpr std::size_t stretch = std::size_t{1} << 16;
    for (std::size_t first = 0; first < n; first += stretch) {
        if (first > 0 && control.stop_wanted()) throw Cancelled();
        body(first, static_cast<Index>(std::min(stretch, n - first)));
    }
}

}  // namespace

HtmpTable::HtmpTable(double b, double delta, bool gradient) {
    require_between("b = kappa / 2", b, smallest_b, largest_b);
    require_between("delta = b (1 / gamma - 1)", delta, 0.0, largest_delta);
    pieces_.b = b;
    pieces_.delta = delta;
    HtmpTableBuilder(*this).build(gradient);
}

HtmpPieces HtmpTable::pieces() const noexcept {
    HtmpPieces pieces = pieces_;
    pieces.edge = edge_.data();
    pieces.key = key_.data();
    pieces.middle = middle_.data();
    pieces.inverse_half = inverse_half_.data();
    pieces.density = density_.data();
    pieces.cumulative = cumulative_.data();
    pieces.by_b = by_b_.data();
    pieces.by_delta = by_delta_.data();
    return pieces;
}

void HtmpTable::evaluate(HtmpQuantity quantity, ConstSpan x, const RunControl& control,
                         Span values) const {
    const HtmpPieces all = pieces();
    in_stretches(x.size(), control, [&](std::size_t first, Index count) {
        htmp_values(all, quantity, count, x.data() + first, values.data() + first);
    });
}

void HtmpTable::gradient(ConstSpan x, const RunControl& control, Span values) const {
    if (!has_gradient()) {
        throw InvalidInput("this table has no gradient; build it with gradient=True");
    }
    const HtmpPieces all = pieces();
    in_stretches(x.size(), control, [&](std::size_t first, Index count) {
        htmp_gradient(all, count, x.data() + first, static_cast<Index>(x.size()),
                      values.data() + first);
    });
}

void HtmpTable::quantiles(bool upper, ConstSpan p, const RunControl& control, Span x) const {
    const HtmpPieces all = pieces();
    in_stretches(p.size(), control, [&](std::size_t first, Index count) {
        if (htmp_quantiles(all, upper, count, p.data() + first, x.data() + first) > 0) {
            throw ConvergenceFailure("a quantile of the HTMP law did not converge");
        }
    });
}

}  // namespace htmu
