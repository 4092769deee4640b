#include <string>

#include "bindings.hpp"
#include "htmu/common/errors.hpp"
#include "htmu/linalg/bidiagonal.hpp"
#include "htmu/linalg/counts.hpp"
#include "htmu/linalg/lapack.hpp"
#include "htmu/linalg/log_vandermonde.hpp"
#include "htmu/linalg/tridiagonal.hpp"

namespace htmu::bindings {
namespace {

/// The pointer of one routine of scipy.linalg.cython_lapack. The capsule's name is the routine's
/// C signature, so a build with 64-bit integers is told apart.
template <class Function>
void take(const py::object& capsules, const char* name, Function& target) {
    const py::object capsule = capsules[py::str(name)];
    const char* signature = PyCapsule_GetName(capsule.ptr());
    if (signature == nullptr) throw py::error_already_set();
    if (std::string(signature).find("int *") == std::string::npos ||
        std::string(signature).find("int64") != std::string::npos) {
        throw Error(std::string("SciPy's LAPACK routine ") + name +
                    " has an unexpected signature (" + signature +
                    "); install a SciPy build with 32-bit LAPACK integers");
    }
    void* pointer = PyCapsule_GetPointer(capsule.ptr(), signature);
    if (pointer == nullptr) throw py::error_already_set();
    target = reinterpret_cast<Function>(pointer);
}

void install_scipy_lapack(const py::object& capsules) {
    LapackFunctions functions;
    take(capsules, "dsterf", functions.sterf);
    take(capsules, "dstebz", functions.stebz);
    take(capsules, "dstemr", functions.stemr);
    take(capsules, "dlasq1", functions.lasq1);
    install_lapack(functions);
}

TridiagonalDriver tridiagonal_driver_named(const std::string& name) {
    if (name == "auto") return TridiagonalDriver::automatic;
    if (name == "qr") return TridiagonalDriver::qr;
    if (name == "sturm") return TridiagonalDriver::sturm;
    if (name == "sterf") return TridiagonalDriver::sterf;
    if (name == "stebz") return TridiagonalDriver::stebz;
    if (name == "stemr") return TridiagonalDriver::stemr;
    throw InvalidInput("driver must be 'auto', 'qr', 'sturm', 'sterf', 'stebz' or 'stemr', got '" +
                       name + "'");
}

BidiagonalDriver bidiagonal_driver_named(const std::string& name) {
    if (name == "auto") return BidiagonalDriver::automatic;
    if (name == "qr") return BidiagonalDriver::qr;
    if (name == "sturm") return BidiagonalDriver::sturm;
    if (name == "lasq1") return BidiagonalDriver::lasq1;
    throw InvalidInput("driver must be 'auto', 'qr', 'sturm' or 'lasq1', got '" + name + "'");
}

void check_rows(const Array& d, const Array& e) {
    if (d.ndim() != 2 || e.ndim() != 2 || d.shape(0) != e.shape(0) || d.shape(1) < 1 ||
        e.shape(1) != d.shape(1) - 1) {
        throw InvalidInput("d and e must have shapes (batch, n) and (batch, n - 1)");
    }
}

/// Ascending indices first..last of n.
EigenvalueRange index_range(Index first, Index last, Index n) {
    if (first < 0 || last < first || last >= n) {
        throw InvalidInput("the index range must satisfy 0 <= first <= last < n");
    }
    if (last - first + 1 == n) return {};
    return {EigenvalueRange::Kind::indices, first, last, 0.0, 0.0};
}

Finiteness finiteness_of(bool check_finite) {
    return check_finite ? Finiteness::require : Finiteness::propagate;
}

Array eigvalsh_tridiagonal(const Array& d, const Array& e, const std::string& driver, Index first,
                           Index last, bool check_finite, int n_threads) {
    check_rows(d, e);
    const Index batch = d.shape(0), n = d.shape(1);
    const EigenvalueRange range = index_range(first, last, n);
    const TridiagonalDriver routine = tridiagonal_driver_named(driver);
    Array result({batch, last - first + 1});
    const Span out = writable(result);
    const RunControl control = run_control(n_threads);
    const ConstSpan diagonal = view(d), off_diagonal = view(e);
    const py::gil_scoped_release release;
    tridiagonal_eigenvalues_batch(batch, n, diagonal, off_diagonal, routine, range,
                                  finiteness_of(check_finite), control, out);
    return result;
}

Array eigvalsh_tridiagonal_interval(const Array& d, const Array& e, const std::string& driver,
                                    double lower, double upper, int n_threads) {
    if (d.ndim() != 1 || e.ndim() != 1 || d.size() < 1 || e.size() != d.size() - 1) {
        throw InvalidInput("d and e must have shapes (n,) and (n - 1,)");
    }
    const TridiagonalDriver routine = tridiagonal_driver_named(driver);
    std::vector<double> found(static_cast<std::size_t>(d.size()));
    Index count = 0;
    {
        const RunControl control = run_control(n_threads);
        const ConstSpan diagonal = view(d), off_diagonal = view(e);
        const py::gil_scoped_release release;
        count = tridiagonal_eigenvalues_between(diagonal, off_diagonal, lower, upper, routine,
                                                control, found);
    }
    return Array(count, found.data());
}

Array singvals_bidiagonal(const Array& d, const Array& e, const std::string& driver, Index first,
                          Index last, bool check_finite, int n_threads) {
    check_rows(d, e);
    const Index batch = d.shape(0), n = d.shape(1);
    const EigenvalueRange range = index_range(first, last, n);
    const BidiagonalDriver routine = bidiagonal_driver_named(driver);
    Array result({batch, last - first + 1});
    const Span out = writable(result);
    const RunControl control = run_control(n_threads);
    const ConstSpan diagonal = view(d), off_diagonal = view(e);
    const py::gil_scoped_release release;
    bidiagonal_singular_values_batch(batch, n, diagonal, off_diagonal, routine, range,
                                     finiteness_of(check_finite), control, out);
    return result;
}

Array log_eigenvalues(const Array& log_q, const Array& log_e, int n_threads) {
    check_rows(log_q, log_e);
    const Index batch = log_q.shape(0), n = log_q.shape(1);
    Array result({batch, n});
    const Span out = writable(result);
    const RunControl control = run_control(n_threads);
    const ConstSpan diagonal = view(log_q), off_diagonal = view(log_e);
    const py::gil_scoped_release release;
    log_bidiagonal_eigenvalues_batch(batch, n, diagonal, off_diagonal, control, out);
    return result;
}

py::array_t<std::int64_t> count_eigenvalues(const Array& d, const Array& e, const Array& edges,
                                            int n_threads) {
    check_rows(d, e);
    if (edges.ndim() != 1) throw InvalidInput("edges must have shape (m,)");
    const Index batch = d.shape(0), n = d.shape(1);
    py::array_t<std::int64_t> result({batch, edges.size()});
    const std::span<std::int64_t> out(result.mutable_data(),
                                      static_cast<std::size_t>(result.size()));
    const RunControl control = run_control(n_threads);
    const ConstSpan diagonal = view(d), off_diagonal = view(e), points = view(edges);
    const py::gil_scoped_release release;
    count_eigenvalues_batch(batch, n, diagonal, off_diagonal, points, control, out);
    return result;
}

}  // namespace

void bind_linalg(py::module_& module) {
    module.def("install_scipy_lapack", &install_scipy_lapack, py::arg("capsules"),
               "Takes the LAPACK routines from scipy.linalg.cython_lapack.__pyx_capi__.");
    module.def("eigvalsh_tridiagonal", &eigvalsh_tridiagonal, py::arg("d"), py::arg("e"),
               py::arg("driver"), py::arg("first"), py::arg("last"), py::arg("check_finite"),
               py::arg("n_threads"));
    module.def("eigvalsh_tridiagonal_interval", &eigvalsh_tridiagonal_interval, py::arg("d"),
               py::arg("e"), py::arg("driver"), py::arg("lower"), py::arg("upper"),
               py::arg("n_threads"));
    module.def("singvals_bidiagonal", &singvals_bidiagonal, py::arg("d"), py::arg("e"),
               py::arg("driver"), py::arg("first"), py::arg("last"), py::arg("check_finite"),
               py::arg("n_threads"));
    module.def("log_eigenvalues", &log_eigenvalues, py::arg("log_q"), py::arg("log_e"),
               py::arg("n_threads"));
    module.def("count_eigenvalues", &count_eigenvalues, py::arg("d"), py::arg("e"),
               py::arg("edges"), py::arg("n_threads"));
    module.def(
        "log_vandermonde",
        [](const Array& x, int n_threads) {
            if (x.ndim() != 2) throw InvalidInput("x must have shape (batch, n)");
            Array result(x.shape(0));
            const Span out = writable(result);
            const RunControl control = run_control(n_threads);
            const ConstSpan values = view(x);
            const Index batch = x.shape(0), n = x.shape(1);
            const py::gil_scoped_release release;
            log_vandermonde_batch(batch, n, values, control, out);
            return result;
        },
        py::arg("x"), py::arg("n_threads"));
}

}  // namespace htmu::bindings
