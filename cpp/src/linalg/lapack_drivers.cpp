#include "htmu/linalg/lapack_drivers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "htmu/common/errors.hpp"

namespace htmu {
namespace {

void load(ConstSpan d, ConstSpan e, LapackWorkspace& workspace) {
    workspace.diagonal.assign(d.begin(), d.end());
    workspace.off_diagonal.assign(e.begin(), e.end());
    // stemr and lasq1 want an off-diagonal of length n.
    workspace.off_diagonal.push_back(0.0);
}

/// Divides the matrix by 2^exponent, so that its largest entry is near 1; returns the exponent.
int scale_to_one(LapackWorkspace& workspace) {
    double largest = 0.0;
    for (const double value : workspace.diagonal) largest = std::max(largest, std::fabs(value));
    for (const double value : workspace.off_diagonal) largest = std::max(largest, std::fabs(value));
    const int exponent = largest > 0.0 ? std::ilogb(largest) : 0;
    for (double& value : workspace.diagonal) value = std::scalbn(value, -exponent);
    for (double& value : workspace.off_diagonal) value = std::scalbn(value, -exponent);
    return exponent;
}

void check(LapackInt info, const char* routine) {
    if (info != 0) {
        throw ConvergenceFailure(std::string("LAPACK ") + routine +
                                 " failed with info = " + std::to_string(info) +
                                 "; try another driver, or check the scale of the matrix");
    }
}

}  // namespace

void sterf_eigenvalues(ConstSpan d, ConstSpan e, LapackWorkspace& workspace, Span eigenvalues) {
    load(d, e, workspace);
    auto n = static_cast<LapackInt>(d.size());
    LapackInt info = 0;
    lapack().sterf(&n, workspace.diagonal.data(), workspace.off_diagonal.data(), &info);
    check(info, "sterf");
    std::copy_n(workspace.diagonal.begin(), n, eigenvalues.begin());
}

Index stebz_eigenvalues(ConstSpan d, ConstSpan e, const EigenvalueRange& range,
                        LapackWorkspace& workspace, Span eigenvalues) {
    load(d, e, workspace);
    // stebz squares without scaling.
    const int exponent = scale_to_one(workspace);
    auto n = static_cast<LapackInt>(d.size());
    char which = 'A';
    char order = 'E';
    double lower = std::scalbn(range.lower, -exponent), upper = std::scalbn(range.upper, -exponent);
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
    for (LapackInt i = 0; i < found; ++i) {
        eigenvalues[static_cast<std::size_t>(i)] = std::scalbn(found_values[i], exponent);
    }
    return found;
}

void stemr_eigenvalues(ConstSpan d, ConstSpan e, LapackWorkspace& workspace, Span eigenvalues) {
    load(d, e, workspace);
    auto n = static_cast<LapackInt>(d.size());
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
}

void lasq1_singular_values(ConstSpan d, ConstSpan e, LapackWorkspace& workspace,
                           Span singular_values) {
    load(d, e, workspace);
    auto n = static_cast<LapackInt>(d.size());
    workspace.work.resize(static_cast<std::size_t>(4 * n));
    LapackInt info = 0;
    lapack().lasq1(&n, workspace.diagonal.data(), workspace.off_diagonal.data(),
                   workspace.work.data(), &info);
    check(info, "lasq1");
    std::copy_n(workspace.diagonal.begin(), n, singular_values.begin());
}

}  // namespace htmu
