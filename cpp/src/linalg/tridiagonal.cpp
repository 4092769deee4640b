#include "htmu/linalg/tridiagonal.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "htmu/common/errors.hpp"
#include "htmu/linalg/rows.hpp"

namespace htmu {
namespace {

void load(ConstSpan d, ConstSpan e, SpectrumWorkspace& workspace) {
    workspace.diagonal.assign(d.begin(), d.end());
    workspace.off_diagonal.assign(e.begin(), e.end());
    // stemr wants an off-diagonal of length n.
    workspace.off_diagonal.push_back(0.0);
}

void check(LapackInt info, const char* routine) {
    if (info != 0) {
        throw ConvergenceFailure(std::string("LAPACK ") + routine +
                                 " failed with info = " + std::to_string(info) +
                                 "; try another driver (sterf, stebz or stemr)");
    }
}

Index run_stebz(SpectrumWorkspace& workspace, LapackInt n, const EigenvalueRange& range,
                Span eigenvalues) {
    char which = 'A';
    char order = 'E';
    double lower = range.lower, upper = range.upper;
    auto first = static_cast<LapackInt>(range.first_index + 1);
    auto last = static_cast<LapackInt>(range.last_index + 1);
    if (range.kind == EigenvalueRange::Kind::indices) which = 'I';
    if (range.kind == EigenvalueRange::Kind::values) which = 'V';
    // Twice the underflow threshold asks for the most accurate eigenvalues.
    double tolerance = 2.0 * std::numeric_limits<double>::min();
    LapackInt found = 0, n_blocks = 0, info = 0;
    workspace.work.resize(static_cast<std::size_t>(5 * n));
    workspace.integer_work.resize(static_cast<std::size_t>(5 * n));
    LapackInt* integers = workspace.integer_work.data();
    double* found_values = workspace.work.data();
    lapack().stebz(&which, &order, &n, &lower, &upper, &first, &last, &tolerance,
                   workspace.diagonal.data(), workspace.off_diagonal.data(), &found, &n_blocks,
                   found_values, integers, integers + n, workspace.work.data() + n,
                   integers + 2 * n, &info);
    check(info, "stebz");
    std::copy_n(found_values, found, eigenvalues.begin());
    return found;
}

Index run_stemr(SpectrumWorkspace& workspace, LapackInt n, Span eigenvalues) {
    char job = 'N', which = 'A';
    double unused_value = 0.0;
    double unused_vector = 0.0;
    LapackInt unused_index = 0, found = 0, one = 1, try_relative_accuracy = 1, info = 0;
    LapackInt n_work = 12 * n, n_integer_work = 8 * n, zero_columns = 0;
    workspace.work.resize(static_cast<std::size_t>(n_work + n));
    workspace.integer_work.resize(static_cast<std::size_t>(n_integer_work + 2 * n));
    double* found_values = workspace.work.data() + n_work;
    LapackInt* support = workspace.integer_work.data() + n_integer_work;
    lapack().stemr(&job, &which, &n, workspace.diagonal.data(), workspace.off_diagonal.data(),
                   &unused_value, &unused_value, &unused_index, &unused_index, &found, found_values,
                   &unused_vector, &one, &zero_columns, support, &try_relative_accuracy,
                   workspace.work.data(), &n_work, workspace.integer_work.data(), &n_integer_work,
                   &info);
    check(info, "stemr");
    std::copy_n(found_values, found, eigenvalues.begin());
    std::sort(eigenvalues.begin(), eigenvalues.begin() + found);
    return found;
}

}  // namespace

void tridiagonal_eigenvalues_in_place(Span d, Span e, Span eigenvalues) {
    auto n = static_cast<LapackInt>(d.size());
    LapackInt info = 0;
    lapack().sterf(&n, d.data(), e.data(), &info);
    check(info, "sterf");
    std::copy(d.begin(), d.end(), eigenvalues.begin());
}

Index tridiagonal_eigenvalues(ConstSpan d, ConstSpan e, TridiagonalDriver driver,
                              const EigenvalueRange& range, SpectrumWorkspace& workspace,
                              Span eigenvalues) {
    const auto n = static_cast<LapackInt>(d.size());
    if (n == 0) return 0;
    load(d, e, workspace);
    if (range.kind != EigenvalueRange::Kind::all || driver == TridiagonalDriver::stebz) {
        return run_stebz(workspace, n, range, eigenvalues);
    }
    if (driver == TridiagonalDriver::stemr) return run_stemr(workspace, n, eigenvalues);
    tridiagonal_eigenvalues_in_place(workspace.diagonal, workspace.off_diagonal, eigenvalues);
    return n;
}

void tridiagonal_eigenvalues_batch(Index batch, Index n, ConstSpan d, ConstSpan e,
                                   TridiagonalDriver driver, const EigenvalueRange& range,
                                   const RunControl& control, Span eigenvalues) {
    if (range.kind == EigenvalueRange::Kind::values && batch > 1) {
        throw InvalidInput(
            "a range by values needs a single matrix, for the number of eigenvalues differs "
            "between matrices; pass one matrix at a time");
    }
    const Index n_wanted =
        range.kind == EigenvalueRange::Kind::indices ? range.last_index - range.first_index + 1 : n;
    std::vector<SpectrumWorkspace> workspaces(thread_slots(control));
    std::vector<std::vector<double>> found(workspaces.size());
    for_each_row(batch, spectrum_cost(n), control, [&](Index row, std::size_t worker) {
        const ConstSpan row_d = row_of(d, row, n), row_e = row_of(e, row, n - 1);
        require_finite(row_d, "matrix", row);
        require_finite(row_e, "matrix", row);
        found[worker].resize(static_cast<std::size_t>(n));
        tridiagonal_eigenvalues(row_d, row_e, driver, range, workspaces[worker], found[worker]);
        std::copy_n(found[worker].begin(), n_wanted, row_of(eigenvalues, row, n_wanted).begin());
    });
}

}  // namespace htmu
