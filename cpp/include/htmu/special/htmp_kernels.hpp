#pragma once

// What the kernels of the HTMP law offer to HtmpTable. With s = log x, c = b + delta, y = c e^s and
// l = log(pi b x f), the logarithm of the phase's rate V = e^l,
//     l'' = l'^2 / 2 + 2 Q - 2 e^{2 l},   Q = b y - (y - delta)^2 / 4 - y / 2.

#include "htmu/common/dispatch.hpp"
#include "htmu/common/types.hpp"
#include "htmu/special/collocation.hpp"

namespace htmu {

/// One step of the march: polynomials of t = (s - middle) / half in [-1, 1], lowest power first.
struct alignas(64) HtmpSegment {
    double slope[n_stages];           ///< l' at the nodes of the step, in the order of the march
    double mirrored_slope[n_stages];  ///< at the nodes of a step in the other direction
    double level[n_coefficients];     ///< log(x f) - tilt s
    double by_b[n_coefficients];      ///< derivatives of log f at fixed x
    double by_delta[n_coefficients];
    double tilt;
    double lower, upper, middle, half;
    bool leftward;
};

/// A march from a point towards one tail, until the law is as simple there as its limit.
struct HtmpMarch {
    enum class Status { done, step_too_small, too_many_steps };

    double b, delta;
    /// log(x f) is marched as a difference from tilt s: where f x is x^delta, small delta, rounding
    /// errors then grow with log(x f), not with s.
    double tilt;
    double first_step;  ///< signed
    double end;         ///< stop beyond it, at the latest
    bool gradient;

    double s, level, slope;       ///< where the march is: l' = slope
    double by_b[2], by_delta[2];  ///< derivatives of log f, and their derivatives by s

    HtmpSegment* segments;
    Index capacity, n_segments, n_iterations;
    Status status;
};
void htmp_march(const Collocation& method, HtmpMarch& march);

/// G = F / (x f), G' = 1 - l' G, over a segment from its lower end (`forward`); or S / (x f),
/// -1 - l' G, from its upper end. Takes G there to the other end, and gives the polynomial of
/// log G.
void htmp_cumulative(const Collocation& method, const HtmpSegment& segment, bool forward,
                     double* value, double* log_coefficients);

/// Polynomials that a table is made of: piece i holds for s in [edge[i], edge[i + 1]), edge[0] is
/// -infinity, and edge[n_pieces] where the last one ends, as do all up to edge[2^levels].
struct HtmpPieces {
    Index n_pieces;
    int levels;
    const double* edge;
    const double* key;  ///< of the quantiles, ascending, as edge: see htmp_quantiles
    const double* middle;
    const double* inverse_half;
    const double* density;     ///< log f: n_coefficients a piece, as all below
    const double* cumulative;  ///< log F in the pieces before `first_upper`, log S from there
    const double* by_b;        ///< null without gradient
    const double* by_delta;
    Index first_upper;
    // Where the pieces end: log f, its derivatives, and s, y; beyond, the asymptotic expansion.
    double b, delta;
    double end_s, end_y, end_log_density, end_by_b, end_by_delta;
};

enum class HtmpQuantity { logpdf, pdf, logcdf, cdf, logsf, sf };

void htmp_values(const HtmpPieces& pieces, HtmpQuantity quantity, Index n, const double* x,
                 double* values);
/// log f, and its derivatives by b, delta and log x: four arrays of n one after another, `stride`
/// apart.
void htmp_gradient(const HtmpPieces& pieces, Index n, const double* x, Index stride,
                   double* values);
/// x where F(x) = p, or S(x) = p if `upper`: NaN for p outside [0, 1]. Returns how many did not
/// converge. Keys: log F at a piece's lower edge, or 2 log(1/2) - log S from `first_upper` on.
[[nodiscard]] Index htmp_quantiles(const HtmpPieces& pieces, bool upper, Index n, const double* p,
                                   double* x);

}  // namespace htmu
