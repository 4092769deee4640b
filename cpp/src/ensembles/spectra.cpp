#include "htmu/ensembles/spectra.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/lockstep_qr.hpp"
#include "htmu/linalg/lockstep_sums.hpp"
#include "htmu/linalg/log_vandermonde.hpp"
#include "htmu/linalg/rows.hpp"
#include "htmu/linalg/scaled_product.hpp"
#include "htmu/linalg/sturm.hpp"

namespace htmu {
namespace {

/// Zeroes the lanes that a kernel computes beyond those in use: no slow subnormals.
void clear_unused_lanes(Index n_rows, Index lanes, double* rows) {
    constexpr Index multiple = 8;
    const Index padded = (lanes + multiple - 1) / multiple * multiple;
    for (Index i = 0; i < n_rows; ++i) {
        std::fill(rows + i * lockstep_lanes + lanes, rows + i * lockstep_lanes + padded, 0.0);
    }
}

/// Rows k of (lanes, n) from lanes k of (n, lockstep_lanes), moved into the support.
void store_rows(Index n, Index lanes, const double* side_by_side, double support_begin,
                double support_end, Span rows) {
    for (Index k = 0; k < lanes; ++k) {
        double* row = rows.data() + k * n;
        const double* lane = side_by_side + k;
        for (Index i = 0; i < n; ++i) {
            row[i] = std::clamp(lane[i * lockstep_lanes], support_begin, support_end);
        }
    }
}

/// At most lockstep_lanes spectra.
void sample_group(const MatrixModel& model, StreamKey key, MatrixNumbers numbers,
                  EigenvalueAccuracy accuracy, const RunControl& control,
                  SpectraWorkspace& workspace, const SpectraOutput& output) {
    const Index n = model.n(), lanes = numbers.count;
    const Index size = n * lockstep_lanes;
    double* diagonal = workspace.entries.rows(5 * n);
    double* off_diagonal = diagonal + size;
    double* eigenvalues = off_diagonal + size;
    model.sample_lockstep(MatrixModel::Entries::squares, key, numbers, diagonal, off_diagonal);
    clear_unused_lanes(n, lanes, diagonal);
    clear_unused_lanes(n - 1, lanes, off_diagonal);
    if (!output.log_determinants.empty()) {
        lockstep_sum_of_logs(n, lanes, diagonal, output.log_determinants.data());
    }
    if (model.form() == MatrixModel::Form::bidiagonal) {
        if (accuracy == EigenvalueAccuracy::relative) {
            lockstep_bidiagonal_spectra(n, lanes, diagonal, off_diagonal, control,
                                        workspace.bidiagonal, eigenvalues);
        } else {
            double* product = eigenvalues + size;
            lockstep_product_with_transpose(n, lanes, diagonal, off_diagonal, product,
                                            product + size);
            require_converged(
                lockstep_eigenvalues(n, lanes, product, product + size, eigenvalues, control));
        }
    } else {
        require_converged(
            lockstep_eigenvalues(n, lanes, diagonal, off_diagonal, eigenvalues, control));
    }
    if (!output.log_vandermondes.empty()) {
        lockstep_log_vandermonde(n, lanes, eigenvalues, output.log_vandermondes.data());
    }
    if (!output.eigenvalues.empty()) {
        // The eigenvalues of B B^T, which rounding moves by eps of the largest.
        const bool positive = model.form() == MatrixModel::Form::bidiagonal;
        constexpr double infinity = std::numeric_limits<double>::infinity();
        store_rows(n, lanes, eigenvalues, positive ? 0.0 : -infinity, model.support_end(),
                   output.eigenvalues);
    }
}

/// One large spectrum.
void sample_alone(const MatrixModel& model, StreamKey key, std::uint64_t matrix,
                  const RunControl& control, SpectraWorkspace& workspace,
                  const SpectraOutput& output) {
    const Index n = model.n();
    workspace.diagonal.resize(static_cast<std::size_t>(n));
    workspace.off_diagonal.resize(static_cast<std::size_t>(n - 1));
    workspace.eigenvalues.resize(static_cast<std::size_t>(n));
    model.sample(key, matrix, workspace.diagonal, workspace.off_diagonal);
    if (!output.log_determinants.empty()) {
        output.log_determinants[0] = 2.0 * sum_of_logs(workspace.diagonal);
    }
    if (model.form() == MatrixModel::Form::bidiagonal) {
        for (double& entry : workspace.diagonal) entry *= entry;
        for (double& entry : workspace.off_diagonal) entry *= entry;
        bidiagonal_eigenvalues(workspace.diagonal, workspace.off_diagonal, 0, n - 1, control,
                               workspace.bidiagonal.sturm, workspace.eigenvalues);
    } else {
        tridiagonal_eigenvalues_by_sturm(workspace.diagonal, workspace.off_diagonal, 0, n - 1,
                                         control, workspace.bidiagonal.sturm,
                                         workspace.eigenvalues);
    }
    if (!output.log_vandermondes.empty()) {
        log_vandermonde_batch(1, n, workspace.eigenvalues, control, output.log_vandermondes);
    }
    for (std::size_t i = 0; i < output.eigenvalues.size(); ++i) {
        output.eigenvalues[i] = std::min(workspace.eigenvalues[i], model.support_end());
    }
}

/// Rows [first, first + count) of an output.
SpectraOutput part_of(const SpectraOutput& output, Index first, Index count, Index n) {
    const auto part = [&](Span whole, Index length) {
        return whole.empty() ? whole
                             : whole.subspan(static_cast<std::size_t>(first * length),
                                             static_cast<std::size_t>(count * length));
    };
    return {part(output.eigenvalues, n), part(output.log_determinants, 1),
            part(output.log_vandermondes, 1)};
}

}  // namespace

void sample_spectra(const MatrixModel& model, StreamKey key, MatrixNumbers numbers,
                    EigenvalueAccuracy accuracy, const RunControl& control,
                    SpectraWorkspace& workspace, const SpectraOutput& output) {
    const Index n = model.n();
    if (n > max_lockstep_size) {
        for (Index k = 0; k < numbers.count; ++k) {
            sample_alone(model, key, numbers[k], control, workspace, part_of(output, k, 1, n));
        }
        return;
    }
    for (Index k = 0; k < numbers.count; k += lockstep_lanes) {
        const Index lanes = std::min(lockstep_lanes, numbers.count - k);
        sample_group(model, key, numbers.part(k, lanes), accuracy, control, workspace,
                     part_of(output, k, lanes, n));
    }
}

}  // namespace htmu
