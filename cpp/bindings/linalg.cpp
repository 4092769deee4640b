#include <string>

#include "bindings.hpp"
#include "htmu/common/errors.hpp"
#include "htmu/linalg/bidiagonal.hpp"
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

TridiagonalDriver driver_named(const std::string& name) {
    if (name == "sterf") return TridiagonalDriver::sterf;
    if (name == "stebz") return TridiagonalDriver::stebz;
    if (name == "stemr") return TridiagonalDriver::stemr;
    throw InvalidInput("driver must be 'sterf', 'stebz' or 'stemr', got '" + name + "'");
}

void check_rows(const Array& d, const Array& e) {
    if (d.ndim() != 2 || e.ndim() != 2 || d.shape(0) != e.shape(0) || d.shape(1) < 1 ||
        e.shape(1) != d.shape(1) - 1) {
        throw InvalidInput("d and e must have shapes (batch, n) and (batch, n - 1)");
    }
}

Array eigenvalues(const Array& d, const Array& e, const std::string& driver,
                  const EigenvalueRange& range, Index n_wanted, int n_threads) {
    check_rows(d, e);
    Array result({d.shape(0), n_wanted});
    const Span out = writable(result);
    const TridiagonalDriver routine = driver_named(driver);
    const RunControl control = run_control(n_threads);
    const ConstSpan diagonal = view(d), off_diagonal = view(e);
    const Index batch = d.shape(0), n = d.shape(1);
    const py::gil_scoped_release release;
    tridiagonal_eigenvalues_batch(batch, n, diagonal, off_diagonal, routine, range, control, out);
    return result;
}

Array eigenvalues_in_interval(const Array& d, const Array& e, double lower, double upper) {
    EigenvalueRange range{EigenvalueRange::Kind::values, 0, 0, lower, upper};
    std::vector<double> found(static_cast<std::size_t>(d.size()));
    Index count = 0;
    {
        const ConstSpan diagonal = view(d), off_diagonal = view(e);
        const py::gil_scoped_release release;
        SpectrumWorkspace workspace;
        count = tridiagonal_eigenvalues(diagonal, off_diagonal, TridiagonalDriver::stebz, range,
                                        workspace, found);
    }
    return Array(count, found.data());
}

}  // namespace

void bind_linalg(py::module_& module) {
    module.def("install_scipy_lapack", &install_scipy_lapack, py::arg("capsules"),
               "Takes the LAPACK routines from scipy.linalg.cython_lapack.__pyx_capi__.");
    module.def(
        "eigvalsh_tridiagonal",
        [](const Array& d, const Array& e, const std::string& driver, int n_threads) {
            return eigenvalues(d, e, driver, {}, d.ndim() == 2 ? d.shape(1) : 0, n_threads);
        },
        py::arg("d"), py::arg("e"), py::arg("driver"), py::arg("n_threads"));
    module.def(
        "eigvalsh_tridiagonal_indices",
        [](const Array& d, const Array& e, Index first, Index last, int n_threads) {
            check_rows(d, e);
            if (first < 0 || last < first || last >= d.shape(1)) {
                throw InvalidInput("the index range must satisfy 0 <= first <= last < n");
            }
            return eigenvalues(d, e, "stebz", {EigenvalueRange::Kind::indices, first, last, 0, 0},
                               last - first + 1, n_threads);
        },
        py::arg("d"), py::arg("e"), py::arg("first"), py::arg("last"), py::arg("n_threads"));
    module.def(
        "eigvalsh_tridiagonal_interval",
        [](const Array& d, const Array& e, double lower, double upper) {
            if (d.ndim() != 1 || e.ndim() != 1 || d.size() < 1 || e.size() != d.size() - 1) {
                throw InvalidInput("d and e must have shapes (n,) and (n - 1,)");
            }
            return eigenvalues_in_interval(d, e, lower, upper);
        },
        py::arg("d"), py::arg("e"), py::arg("lower"), py::arg("upper"));
    module.def(
        "singvals_bidiagonal",
        [](const Array& d, const Array& e, int n_threads) {
            check_rows(d, e);
            Array result({d.shape(0), d.shape(1)});
            const Span out = writable(result);
            const RunControl control = run_control(n_threads);
            const ConstSpan diagonal = view(d), off_diagonal = view(e);
            const Index batch = d.shape(0), n = d.shape(1);
            const py::gil_scoped_release release;
            bidiagonal_singular_values_batch(batch, n, diagonal, off_diagonal, control, out);
            return result;
        },
        py::arg("d"), py::arg("e"), py::arg("n_threads"));
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
