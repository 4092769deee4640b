#include "htmu/ensembles/batch.hpp"

#include <algorithm>
#include <vector>

#include "htmu/linalg/rows.hpp"
#include "htmu/linalg/sturm.hpp"
#include "htmu/linalg/tridiagonal.hpp"

namespace htmu {
namespace {

/// Rough time in nanoseconds that the entries of one matrix take.
double sampling_cost(Index n) {
    return 10.0 * static_cast<double>(n);
}

/// body(numbers, worker) for groups of up to lockstep_lanes matrices of about `cost` each.
template <class Body>
void for_each_group(Index size, double cost, const RunControl& control, const Body& body) {
    const Index n_groups = (size + lockstep_lanes - 1) / lockstep_lanes;
    for_each_row(n_groups, cost * static_cast<double>(lockstep_lanes), control,
                 [&](Index group, std::size_t worker) {
                     const Index first = group * lockstep_lanes;
                     body(MatrixNumbers{static_cast<std::uint64_t>(first),
                                        std::min(lockstep_lanes, size - first)},
                          worker);
                 });
}

/// Rows [first, first + count) of an array with rows of that length; empty stays empty.
Span rows_of(Span array, MatrixNumbers numbers, Index length) {
    return array.empty() ? array
                         : array.subspan(numbers.first * static_cast<std::size_t>(length),
                                         static_cast<std::size_t>(numbers.count * length));
}

void store_lane(const double* lane, Span row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
        row[i] = lane[static_cast<Index>(i) * lockstep_lanes];
    }
}

/// Entries of a group, side by side.
struct GroupEntries {
    LockstepWorkspace memory;
    double* diagonal = nullptr;
    double* off_diagonal = nullptr;

    void sample(const MatrixModel& model, MatrixModel::Entries entries, StreamKey key,
                MatrixNumbers numbers) {
        diagonal = memory.rows(2 * model.n());
        off_diagonal = diagonal + model.n() * lockstep_lanes;
        model.sample_lockstep(entries, key, numbers, diagonal, off_diagonal);
    }
};

}  // namespace

void sample_matrices(const MatrixModel& model, Index size, std::uint64_t seed,
                     const RunControl& control, Span diagonal, Span off_diagonal) {
    const StreamKey key(seed, Purpose::ensemble);
    const Index n = model.n();
    if (n > max_lockstep_size) {
        for_each_row(size, sampling_cost(n), control, [&](Index matrix, std::size_t) {
            model.sample(key, static_cast<std::uint64_t>(matrix), row_of(diagonal, matrix, n),
                         row_of(off_diagonal, matrix, n - 1));
        });
        return;
    }
    std::vector<GroupEntries> groups(thread_slots(control));
    for_each_group(size, sampling_cost(n), control, [&](MatrixNumbers numbers, std::size_t worker) {
        GroupEntries& group = groups[worker];
        group.sample(model, MatrixModel::Entries::plain, key, numbers);
        for (Index k = 0; k < numbers.count; ++k) {
            const auto matrix = static_cast<Index>(numbers[k]);
            store_lane(group.diagonal + k, row_of(diagonal, matrix, n));
            store_lane(group.off_diagonal + k, row_of(off_diagonal, matrix, n - 1));
        }
    });
}

void sample_spectra_batch(const MatrixModel& model, Index size, std::uint64_t seed,
                          const RunControl& control, const SpectraOutput& output,
                          EigenvalueAccuracy accuracy) {
    const StreamKey key(seed, Purpose::ensemble);
    const Index n = model.n();
    std::vector<SpectraWorkspace> workspaces(thread_slots(control));
    if (n > max_lockstep_size) {
        sample_spectra(model, key, {0, size}, accuracy, control, workspaces.front(), output);
        return;
    }
    const WorkerControls controls(control);
    for_each_group(size, sampling_cost(n) + 2.0 * spectrum_cost(n), controls.team(),
                   [&](MatrixNumbers numbers, std::size_t worker) {
                       sample_spectra(model, key, numbers, accuracy, controls[worker],
                                      workspaces[worker],
                                      {rows_of(output.eigenvalues, numbers, n),
                                       rows_of(output.log_determinants, numbers, 1),
                                       rows_of(output.log_vandermondes, numbers, 1)});
                   });
}

void sample_log_eigenvalues(const LaguerreSampler& model, Index size, std::uint64_t seed,
                            const RunControl& control, Span log_eigenvalues) {
    const StreamKey key(seed, Purpose::ensemble);
    const Index n = model.n();
    struct Workspace {
        SturmWorkspace sturm;
        std::vector<double> diagonal, off_diagonal;
    };
    std::vector<Workspace> workspaces(thread_slots(control));
    const auto solve = [&](Index matrix, std::size_t worker, const RunControl& inner) {
        Workspace& workspace = workspaces[worker];
        workspace.diagonal.resize(static_cast<std::size_t>(n));
        workspace.off_diagonal.resize(static_cast<std::size_t>(n - 1));
        model.sample_log_squares(key, static_cast<std::uint64_t>(matrix), workspace.diagonal,
                                 workspace.off_diagonal);
        log_bidiagonal_eigenvalues(workspace.diagonal, workspace.off_diagonal, inner,
                                   workspace.sturm, row_of(log_eigenvalues, matrix, n));
    };
    if (size == 1) return solve(0, 0, control);
    const WorkerControls controls(control);
    for_each_row(
        size, 100.0 * spectrum_cost(n), controls.team(),
        [&](Index matrix, std::size_t worker) { solve(matrix, worker, controls[worker]); });
}

namespace {

/// Sturm counts of one matrix after another, added up.
struct Counter {
    GroupEntries group;
    SturmWorkspace sturm;
    std::vector<double> diagonal, off_diagonal;
    std::vector<Index> below;
    std::vector<std::int64_t> total;

    void make_room(Index n) {
        diagonal.resize(static_cast<std::size_t>(n));
        off_diagonal.resize(static_cast<std::size_t>(n - 1));
    }

    void add(const MatrixModel& model, ConstSpan edges, const RunControl& control) {
        below.resize(edges.size());
        if (model.form() == MatrixModel::Form::bidiagonal) {
            count_bidiagonal(diagonal, off_diagonal, edges, control, sturm, below);
        } else {
            count_tridiagonal(diagonal, off_diagonal, edges, control, sturm, below);
        }
        for (std::size_t i = 0; i < below.size(); ++i) {
            // Rounding may carry an eigenvalue to the end of the support and beyond.
            total[i] += edges[i] < model.support_end() ? below[i] : model.n();
        }
    }
};

}  // namespace

void sample_histogram(const MatrixModel& model, Index size, std::uint64_t seed, ConstSpan edges,
                      const RunControl& control, std::span<std::int64_t> counts) {
    const StreamKey key(seed, Purpose::ensemble);
    const Index n = model.n();
    std::vector<Counter> counters(thread_slots(control));
    for (Counter& counter : counters) counter.total.resize(edges.size());
    if (n > max_lockstep_size) {
        Counter& counter = counters.front();
        counter.make_room(n);
        for (Index matrix = 0; matrix < size; ++matrix) {
            model.sample(key, static_cast<std::uint64_t>(matrix), counter.diagonal,
                         counter.off_diagonal);
            for (double& entry : counter.off_diagonal) entry *= entry;
            if (model.form() == MatrixModel::Form::bidiagonal) {
                for (double& entry : counter.diagonal) entry *= entry;
            }
            counter.add(model, edges, control);
        }
    } else {
        const WorkerControls controls(control);
        const double cost = 0.3 * static_cast<double>(n) * static_cast<double>(edges.size());
        for_each_group(size, sampling_cost(n) + cost, controls.team(),
                       [&](MatrixNumbers numbers, std::size_t worker) {
                           Counter& counter = counters[worker];
                           counter.make_room(n);
                           counter.group.sample(model, MatrixModel::Entries::squares, key, numbers);
                           for (Index k = 0; k < numbers.count; ++k) {
                               store_lane(counter.group.diagonal + k, counter.diagonal);
                               store_lane(counter.group.off_diagonal + k, counter.off_diagonal);
                               counter.add(model, edges, controls[worker]);
                           }
                       });
    }
    for (std::size_t bin = 0; bin + 1 < edges.size(); ++bin) {
        counts[bin] = 0;
        for (const Counter& counter : counters) {
            counts[bin] += counter.total[bin + 1] - counter.total[bin];
        }
    }
}

}  // namespace htmu
