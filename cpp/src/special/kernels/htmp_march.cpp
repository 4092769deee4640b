#include "htmu/special/htmp_kernels.hpp"
#include "stage_vectors.hpp"

namespace htmu::HTMU_TARGET {
namespace {

constexpr int n = n_stages;
/// Aimed at for the last Legendre coefficient of a segment, beside the solution's own size.
constexpr double tolerance = 3e-16;
/// Below this log V and all that is proportional to it are 0 in double precision.
constexpr double underflow = -800.0;
/// Largest growth of a step.
constexpr double growth = 2.5;

HTMU_INLINE double least(double x, double y) {
    return x < y ? x : y;
}
HTMU_INLINE double most(double x, double y) {
    return x > y ? x : y;
}
HTMU_INLINE double magnitude(double x) {
    return __builtin_fabs(x);
}

/// x + y less its rounded value (Knuth).
HTMU_INLINE double rest_of_sum(double x, double y) {
    const double sum = x + y, added = sum - x;
    return (x - (sum - added)) + (y - added);
}

/// The equation's coefficients at the nodes of a step, and its solution there.
struct Step {
    double h;
    Stages s, y, grown, gap, q;       ///< grown = e^s - 1, gap = y - delta
    alignas(64) double curvature[n];  ///< l'', the unknown
    Stages slope, rise, rate_square;  ///< l', level less the level at the start, V^2
};

class March {
   public:
    HTMU_MEMBER March(const Collocation& method, HtmpMarch& march)
        : method_(method),
          march_(march),
          c_(march.b + march.delta),
          c_rest_(rest_of_sum(march.b, march.delta)),
          log_pi_b_(__builtin_log(3.14159265358979323846 * march.b)) {}

    void run() {
        march_.n_segments = 0;
        march_.n_iterations = 0;
        double h = march_.first_step;
        const double smallest = 1e-9 * magnitude(h);
        curvature_ = curvature_at_start();
        while (!finished()) {
            const double longest = longest_step();
            if (magnitude(h) > longest) h = __builtin_copysign(longest, h);
            if (march_.n_segments == march_.capacity)
                return stop(HtmpMarch::Status::too_many_steps);
            h = advance(on_grid(h));
            if (!(magnitude(h) > smallest)) return stop(HtmpMarch::Status::step_too_small);
        }
        stop(HtmpMarch::Status::done);
    }

   private:
    const Collocation& method_;
    HtmpMarch& march_;
    double c_, c_rest_, log_pi_b_;  ///< c_ + c_rest_ is b + delta without rounding
    double curvature_ = 0.0;        ///< l'' where the march is
    const HtmpSegment* previous_ = nullptr;

    /// A multiple of 2^-40: the ends and middles of all segments are then exact.
    HTMU_MEMBER static double on_grid(double h) {
        return __builtin_nearbyint(h * 0x1p40) * 0x1p-40;
    }
    HTMU_MEMBER void stop(HtmpMarch::Status status) { march_.status = status; }
    HTMU_MEMBER bool leftward() const { return march_.first_step < 0.0; }
    /// l = log(pi b x f).
    HTMU_MEMBER double log_rate() const {
        return march_.level + march_.tilt * march_.s + log_pi_b_;
    }

    /// To the left, l' = delta once y and V no longer count: the neglected part of log f is about
    /// y (1 + b) and V / delta. Goes on until F underflows, as rounding errors are those of a
    /// segment's own extent.
    HTMU_MEMBER bool finished() const {
        if (!leftward()) return march_.s >= march_.end;
        if (march_.s <= march_.end) return true;
        return c_ * __builtin_exp(march_.s) * (1.0 + march_.b) < 1e-18 &&
               log_rate() < least(underflow, __builtin_log(1e-18 * march_.delta));
    }

    HTMU_MEMBER double curvature_at_start() const {
        const double y = c_ * __builtin_exp(march_.s);
        const double gap = march_.b + c_ * __builtin_expm1(march_.s);
        const double rate = __builtin_exp(log_rate());
        const double q = (march_.b - 0.5) * y - 0.25 * gap * gap;
        return 0.5 * march_.slope * march_.slope + 2.0 * (q - rate * rate);
    }

    /// So that log F and log S are resolved too. Where f has a peak of width sigma = |l''|^(-1/2),
    /// they are about those of the normal law, whose distribution function vanishes next to the
    /// real axis at -1.9 +- 2.8 i: the polynomials converge like those of 1 / (z - z0).
    HTMU_MEMBER double longest_step() const {
        const double curvature = magnitude(curvature_);
        // sigma sqrt((1.9 + |z|)^2 + 2.8^2) with z = l' sigma
        const double root = __builtin_sqrt(curvature);
        const double away = 1.9 * root + magnitude(march_.slope);
        double peak = 0.45 * __builtin_sqrt(away * away + 7.84 * curvature) / (curvature + 1e-30);
        // Rounding errors of t count l' half; below the smallest double nothing depends on them.
        if (log_rate() > underflow) peak = least(peak, 80.0 / (magnitude(march_.slope) + 1e-30));
        // Where the median is far left of y = 1, S falls like log(1 / y) between them.
        const double shoulder = most(0.0, -__builtin_log(c_));
        if (!leftward() || c_ * (shoulder - march_.s) > 3.0) return peak;
        return least(peak, 0.5 + 0.7 * (shoulder - march_.s));
    }

    /// Takes a step of at most h and gives the next one to try.
    double advance(double h) {
        Step step;
        prepare(step, h);
        const bool extrapolate = previous_ != nullptr && !deep_in_bulk(step);
        bool solved = false;
        if (extrapolate) {
            guess_from_previous(step);
            solved = iterate(step);
        }
        if (!solved) {
            guess_from_potential(step);
            solved = iterate(step);
        }
        if (!solved) return 0.35 * h;

        HtmpSegment& segment = march_.segments[march_.n_segments];
        alignas(64) double legendre[n_coefficients];
        polynomial(method_, march_.level, step.rise, leftward(), legendre, segment.level);
        const double scale =
            most(most(1.0, largest_magnitude(step.rise)), 0.3 * magnitude(march_.level));
        const double last = most(magnitude(legendre[n]),
                                 most(magnitude(legendre[n - 1]), magnitude(legendre[n - 2]))) /
                            scale;
        const double expected = extrapolated_decay(legendre, scale, last);
        if ((expected > 10 * tolerance && last > 10 * tolerance) || last > 1e-13) {
            const double wanted = 0.85 * __builtin_pow(tolerance / most(expected, 1e-30), 1.0 / n);
            return h * least(0.8, most(0.25, wanted));
        }
        accept(step, segment);
        const double wanted = 0.92 * __builtin_pow(tolerance / most(expected, 1e-30), 1.0 / n);
        return h * least(growth, most(0.4, wanted));
    }

    /// s is exact, a multiple of 2^-41, and a node's distance from it is short: so y has no error
    /// from the rounding of s, which l' would multiply.
    HTMU_MEMBER void prepare(Step& step, double h) const {
        step.h = h;
        const Stages away = h * load_stages(method_.tau);
        step.s = away + march_.s;
        const double start = __builtin_exp(march_.s);
        const Stages e = exponential(away);
        step.y = (c_ * start + c_rest_ * start) * e;
        step.grown = start * exponential_less_one(away, e) + __builtin_expm1(march_.s);
        // Each form where it does not cancel.
        const Stages near = (c_ * step.grown + c_rest_ * step.grown) + march_.b;
        for (int k = 0; k < n_parts; ++k) {
            step.gap.part[k] =
                step.grown.part[k] < -0.5 ? step.y.part[k] - march_.delta : near.part[k];
        }
        const Stages half = -0.25 * (step.gap * step.gap);
        step.q = multiply_add(march_.b - 0.5, step.y, half);
    }

    /// Where the WKB guess is better than the last segment's continuation.
    HTMU_MEMBER bool deep_in_bulk(const Step& step) const {
        return log_rate() > 3.0 && smallest_of(step.q) > 400.0;
    }

    HTMU_MEMBER void guess_from_previous(Step& step) const {
        const HtmpSegment& segment = *previous_;
        const double inverse = 1.0 / segment.half;
        for (int k = 0; k < n_parts; ++k) {
            const Vec t = (step.s.part[k] - segment.middle) * inverse;
            Vec sum = splat(n * (n - 1) * segment.level[n]);
            for (int j = n - 1; j >= 2; --j) {
                sum = multiply_add(sum, t, splat(j * (j - 1) * segment.level[j]));
            }
            store(step.curvature + k * width, sum * (inverse * inverse));
        }
    }

    /// l' = Q'/(2 Q) in the bulk and 2 sqrt(-Q) outside, differentiated.
    HTMU_MEMBER void guess_from_potential(Step& step) const {
        if (log_rate() < 1.0) return store_stages(step.curvature, same_stages(0.0));
        const double b = march_.b;
        for (int k = 0; k < n_parts; ++k) {
            const Vec y = step.y.part[k], gap = step.gap.part[k], q = step.q.part[k];
            const Vec first = y * (b - 0.5 - 0.5 * gap);
            const Vec second = first - 0.5 * y * y;
            const IntVec inside = q > Vec{};
            const Vec divisor = inside ? q : splat(1.0);
            const Vec ratio = first / divisor;
            const Vec root = square_root(inside ? splat(1.0) : 1e-300 - q);
            const Vec outside = (leftward() ? -1.0 : 1.0) * first / root;
            store(step.curvature + k * width,
                  inside ? 0.5 * (second / divisor - ratio * ratio) : outside);
        }
    }

    HTMU_MEMBER void integrate(Step& step) const {
        const double h = step.h;
        const Stages tau = load_stages(method_.tau);
        step.slope =
            multiply_add(h, product(method_.integral, step.curvature), same_stages(march_.slope));
        step.rise = multiply_add(h * h, product(method_.double_integral, step.curvature),
                                 (h * (march_.slope - march_.tilt)) * tau);
        const Stages l = multiply_add(march_.tilt, step.s, step.rise + (march_.level + log_pi_b_));
        step.rate_square = exponential(2.0 * smaller(l, 60.0));
    }

    /// The Jacobian I - h diag(l') A + 4 h^2 diag(V^2) A^2 of the equation for l''.
    template <int n_right>
    HTMU_MEMBER void set_matrix(StageSystem<n_right>& system, const Step& step) const {
        const Stages first = -step.h * step.slope;
        const Stages second = (4.0 * step.h * step.h) * step.rate_square;
        for (int j = 0; j < n; ++j) {
            const Stages a = load_stages(method_.integral + j * n);
            const Stages a2 = load_stages(method_.double_integral + j * n);
            system.set(j, multiply_add(first, a, second * a2));
            system.columns[j * n + j] += 1.0;
        }
    }

    /// Newton's method for l'' at the nodes; false if it does not converge.
    bool iterate(Step& step) {
        double before = 1e300;
        for (int iteration = 0; iteration < 12; ++iteration) {
            integrate(step);
            StageSystem<1> system;
            set_matrix(system, step);
            const Stages right =
                multiply_add(0.5 * step.slope, step.slope, 2.0 * (step.q - step.rate_square));
            system.set(n, right - load_stages(step.curvature));
            alignas(64) double change[n];
            system.solve(change);
            ++march_.n_iterations;
            const Stages next = load_stages(step.curvature) + load_stages(change);
            if (any_not_finite(next)) return false;
            store_stages(step.curvature, next);
            const Stages moved = (step.h * step.h) * product(method_.double_integral, change);
            const double relative =
                largest_magnitude(moved) / most(1.0, largest_magnitude(step.rise));
            if (relative < 1e-9) {  // converges quadratically: the next change is rounding
                integrate(step);
                return true;
            }
            if (iteration > 3 && relative > 0.5 * before) return false;
            before = relative;
        }
        return false;
    }

    /// The last Legendre coefficient, from the geometric decay between the coefficients 2 to 4 and
    /// 8 to 10: the last ones themselves are rounding noise.
    HTMU_MEMBER double extrapolated_decay(const double* legendre, double scale, double last) const {
        const double early =
            most(magnitude(legendre[2]), most(magnitude(legendre[3]), magnitude(legendre[4])));
        const double late =
            most(magnitude(legendre[8]), most(magnitude(legendre[9]), magnitude(legendre[10])));
        const double decay =
            least(50.0, __builtin_pow((early + 1e-300) / (late + 1e-300), 1.0 / 6.0));
        if (decay < 1.5) return last;
        return late * __builtin_pow(decay, -7.0) / scale;
    }

    void accept(const Step& step, HtmpSegment& segment) {
        const double s = march_.s, next = s + step.h;
        segment.leftward = leftward();
        segment.tilt = march_.tilt;
        segment.lower = least(s, next);
        segment.upper = most(s, next);
        segment.middle = s + 0.5 * step.h;
        segment.half = 0.5 * magnitude(step.h);
        store_stages(segment.slope, step.slope);
        alignas(64) double relative[n];
        store_stages(relative, step.slope + (-march_.slope));
        store_stages(segment.mirrored_slope, product(method_.mirror, relative) + march_.slope);
        if (march_.gradient) advance_gradient(step, segment);
        march_.level += last_of(step.rise);
        march_.slope = last_of(step.slope);
        march_.s = next;
        curvature_ = step.curvature[n - 1];
        previous_ = &segment;
        ++march_.n_segments;
    }

    /// mu = d log f / d theta at fixed x: mu'' = l' mu' - 4 V^2 mu + 2 dQ/dtheta, and for b another
    /// -4 V^2 / b, as l = log f + log b + ..
    void advance_gradient(const Step& step, HtmpSegment& segment) {
        const double h = step.h, b = march_.b;
        StageSystem<2> system;
        set_matrix(system, step);
        const Stages tau = load_stages(method_.tau);
        const Stages x = step.grown + 1.0;
        // dy/db = dy/ddelta = x
        const Stages common = ((-0.5) * step.gap + (b - 0.5)) * x;
        const Stages by_b = common + step.y;
        const Stages by_delta = ((-0.5) * step.gap) * step.grown + (b - 0.5) * x;
        const Stages damping = -4.0 * step.rate_square;
        const auto right = [&](const Stages& source, const double* start, double shift) {
            const Stages value = (h * start[1]) * tau + (start[0] + shift);
            return multiply_add(damping, value, multiply_add(start[1], step.slope, 2.0 * source));
        };
        system.set(n, right(by_b, march_.by_b, 1.0 / b));
        system.set(n + 1, right(by_delta, march_.by_delta, 0.0));
        alignas(64) double curvature[2 * n];
        system.solve(curvature);
        continue_gradient(h, curvature, march_.by_b, segment.by_b);
        continue_gradient(h, curvature + n, march_.by_delta, segment.by_delta);
    }

    void continue_gradient(double h, const double* curvature, double* start, double* coefficients) {
        const Stages rise = multiply_add(h * h, product(method_.double_integral, curvature),
                                         (h * start[1]) * load_stages(method_.tau));
        const Stages slope = h * product(method_.integral, curvature);
        alignas(64) double legendre[n_coefficients];
        polynomial(method_, start[0], rise, leftward(), legendre, coefficients);
        start[0] += last_of(rise);
        start[1] += last_of(slope);
    }

    HTMU_MEMBER static double last_of(const Stages& x) { return x.part[n_parts - 1][width - 1]; }
};

}  // namespace

void htmp_march(const Collocation& method, HtmpMarch& march) {
    March(method, march).run();
}

}  // namespace htmu::HTMU_TARGET
