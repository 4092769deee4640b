#include "htmu/linalg/lockstep_qr.hpp"

#include <algorithm>
#include <new>

#include "htmu/common/dispatch.hpp"
#include "htmu/common/errors.hpp"

namespace htmu {

HTMU_DECLARE_KERNEL(void, scale_matrices,
                    (Index n, Index lanes, double* diagonal, double* off_diagonal, double* scales))
HTMU_DECLARE_KERNEL(void, scale_squared_matrices,
                    (Index n, Index lanes, double* diagonal, double* squared, double* scales))
HTMU_DECLARE_KERNEL(unsigned, root_free_qr,
                    (Index n, Index lanes, double* diagonal, double* squared,
                     const double* tolerances, const StopCheck& stop))
HTMU_DECLARE_KERNEL(void, unscale_rows,
                    (Index n, Index lanes, const double* from, const double* scales, double* to))
HTMU_DECLARE_KERNEL(void, scale_bidiagonals,
                    (Index n, Index lanes, const double* q, const double* e, double* scaled_q,
                     double* scaled_e, double* scales))
HTMU_DECLARE_KERNEL(void, multiply_with_transpose,
                    (Index n, Index lanes, const double* q, const double* e, double* diagonal,
                     double* squared))
HTMU_DECLARE_KERNEL(void, turn_matrices, (Index n, Index lanes, double* diagonal, double* squared))
HTMU_DECLARE_KERNEL(void, refine_bidiagonal,
                    (Index n, Index lanes, const double* q, const double* e, double* eigenvalues,
                     double* scratch, double* uncertain, const StopCheck& stop))
HTMU_DECLARE_KERNEL(void, sort_lanes, (Index n, Index lanes, double* values))

namespace {

/// Two factors a lane, whose product is the power of 2 that was divided out, and the tolerances.
struct alignas(lockstep_alignment) Scales {
    double values[3 * lockstep_lanes];
};

/// Passes what a control asks for on to kernels, and remembers it.
class Stopper {
   public:
    explicit Stopper(const RunControl& control) : control_(control) {}

    [[nodiscard]] StopCheck check(Index n) {
        // Smaller matrices take too little time to ask.
        constexpr Index smallest = 1024;
        return n < smallest ? StopCheck{} : StopCheck{&ask, this};
    }
    void throw_if_stopped() const {
        if (stopped_) throw Cancelled();
    }

   private:
    static bool ask(void* self) {
        auto& stopper = *static_cast<Stopper*>(self);
        stopper.stopped_ = stopper.stopped_ || stopper.control_.stop_wanted();
        return stopper.stopped_;
    }

    const RunControl& control_;
    bool stopped_ = false;
};

/// Leaves the eigenvalues in `diagonal`, in no order; returns the lanes that did not converge.
std::uint32_t run_qr(Index n, Index lanes, double* diagonal, double* squared, const Scales& scales,
                     const RunControl& control) {
    Stopper stopper(control);
    const std::uint32_t failed = HTMU_DISPATCH(root_free_qr)(
        n, lanes, diagonal, squared, scales.values + 2 * lockstep_lanes, stopper.check(n));
    stopper.throw_if_stopped();
    return failed;
}

std::uint32_t scaled_eigenvalues(Index n, Index lanes, double* diagonal, double* squared,
                                 Scales& scales, const RunControl& control, double* eigenvalues) {
    const std::uint32_t failed = run_qr(n, lanes, diagonal, squared, scales, control);
    for (Index lane = 0; lane < lanes; ++lane) {
        if ((failed >> lane & 1u) != 0) scales.values[lane] = __builtin_nan("");
    }
    HTMU_DISPATCH(unscale_rows)(n, lanes, diagonal, scales.values, eigenvalues);
    lockstep_sort(n, lanes, eigenvalues);
    return failed;
}

// Blocks of rows in the transposes, so that each lane's part of a block is one line of cache.
constexpr Index block = 8;

void to_lanes(Index count, Index n, const double* from, Index stride, double* to) {
    for (Index first = 0; first < n; first += block) {
        const Index end = std::min(first + block, n);
        for (Index lane = 0; lane < count; ++lane) {
            const double* row = from + lane * stride;
            for (Index i = first; i < end; ++i) to[i * lockstep_lanes + lane] = row[i];
        }
    }
}

void from_lanes(Index count, Index n, const double* from, double* to, Index stride) {
    for (Index first = 0; first < n; first += block) {
        const Index end = std::min(first + block, n);
        for (Index lane = 0; lane < count; ++lane) {
            double* row = to + lane * stride;
            for (Index i = first; i < end; ++i) row[i] = from[i * lockstep_lanes + lane];
        }
    }
}

}  // namespace

std::uint32_t lockstep_eigenvalues(Index n, Index lanes, double* diagonal,
                                   double* squared_off_diagonal, double* eigenvalues,
                                   const RunControl& control) {
    Scales scales;
    HTMU_DISPATCH(scale_squared_matrices)(n, lanes, diagonal, squared_off_diagonal, scales.values);
    return scaled_eigenvalues(n, lanes, diagonal, squared_off_diagonal, scales, control,
                              eigenvalues);
}

std::uint32_t lockstep_eigenvalues_unsquared(Index n, Index lanes, double* diagonal,
                                             double* off_diagonal, double* eigenvalues,
                                             const RunControl& control) {
    Scales scales;
    HTMU_DISPATCH(scale_matrices)(n, lanes, diagonal, off_diagonal, scales.values);
    return scaled_eigenvalues(n, lanes, diagonal, off_diagonal, scales, control, eigenvalues);
}

void lockstep_sort(Index n, Index lanes, double* values) {
    HTMU_DISPATCH(sort_lanes)(n, lanes, values);
}

void LockstepWorkspace::Free::operator()(double* memory) const noexcept {
    ::operator delete[](memory, std::align_val_t(lockstep_alignment));
}

double* LockstepWorkspace::rows(Index rows) {
    if (rows > rows_) {
        memory_.reset();
        rows_ = 0;
        memory_.reset(static_cast<double*>(
            ::operator new[](static_cast<std::size_t>(rows * lockstep_lanes) * sizeof(double),
                             std::align_val_t(lockstep_alignment))));
        rows_ = rows;
    }
    return memory_.get();
}

bool lockstep_tridiagonal_eigenvalues(Index count, Index n, const double* d, Index d_stride,
                                      const double* e, Index e_stride, const RunControl& control,
                                      LockstepWorkspace& workspace, double* eigenvalues,
                                      Index stride) {
    double* diagonal = workspace.rows(2 * n);
    double* off_diagonal = diagonal + n * lockstep_lanes;
    to_lanes(count, n, d, d_stride, diagonal);
    to_lanes(count, n - 1, e, e_stride, off_diagonal);
    const std::uint32_t failed =
        lockstep_eigenvalues_unsquared(n, count, diagonal, off_diagonal, diagonal, control);
    from_lanes(count, n, diagonal, eigenvalues, stride);
    return failed == 0;
}

void lockstep_product_with_transpose(Index n, Index lanes, const double* q, const double* e,
                                     double* diagonal, double* squared_off_diagonal) {
    HTMU_DISPATCH(multiply_with_transpose)(n, lanes, q, e, diagonal, squared_off_diagonal);
}

void lockstep_bidiagonal_eigenvalues(Index n, Index lanes, const double* q, const double* e,
                                     LockstepWorkspace& workspace, double* eigenvalues,
                                     Index* uncertain, const RunControl& control) {
    Scales scales;
    const Index size = n * lockstep_lanes;
    double* scaled_q = workspace.rows(4 * n);
    double* scaled_e = scaled_q + size;
    double* diagonal = scaled_e + size;
    double* squared = diagonal + size;
    HTMU_DISPATCH(scale_bidiagonals)(n, lanes, q, e, scaled_q, scaled_e, scales.values);
    lockstep_product_with_transpose(n, lanes, scaled_q, scaled_e, diagonal, squared);
    HTMU_DISPATCH(turn_matrices)(n, lanes, diagonal, squared);
    const std::uint32_t failed = run_qr(n, lanes, diagonal, squared, scales, control);
    lockstep_sort(n, lanes, diagonal);
    alignas(lockstep_alignment) double counts[lockstep_lanes];
    Stopper stopper(control);
    HTMU_DISPATCH(refine_bidiagonal)
    (n, lanes, scaled_q, scaled_e, diagonal, squared, counts, stopper.check(n));
    stopper.throw_if_stopped();
    HTMU_DISPATCH(unscale_rows)(n, lanes, diagonal, scales.values, eigenvalues);
    for (Index lane = 0; lane < lanes; ++lane) {
        const bool valid = scales.values[lane] > 0.0;
        const bool converged = (failed >> lane & 1u) == 0;
        uncertain[lane] = !valid ? 0 : converged ? static_cast<Index>(counts[lane]) : n;
    }
}

}  // namespace htmu
