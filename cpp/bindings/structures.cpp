#include <map>
#include <string>

#include <pybind11/typing.h>

#include "bindings.hpp"
#include "htmu/common/errors.hpp"
#include "htmu/structures/block_diagonal.hpp"
#include "htmu/structures/kronecker.hpp"
#include "htmu/structures/sampled.hpp"
#include "htmu/structures/spectra.hpp"

namespace htmu::bindings {
namespace {

/// Calls the Python function with the group's number; it returns (group_size, N) doubles.
CallbackLaw::Draw python_draw(py::function function, Index matrix_size) {
    // Shared, so that copies of the closure made without the GIL touch no reference count.
    auto shared = std::shared_ptr<py::function>(new py::function(std::move(function)),
                                                [](py::function* held) {
                                                    const py::gil_scoped_acquire gil;
                                                    delete held;
                                                });
    return [shared, matrix_size](std::uint64_t group, Span out) {
        const py::gil_scoped_acquire gil;
        const Array drawn = Array::ensure((*shared)(group));
        if (!drawn) throw py::error_already_set();
        if (drawn.ndim() != 2 || drawn.shape(0) != CallbackLaw::group_size ||
            drawn.shape(1) != matrix_size) {
            throw InvalidInput("the sampling function must return an array of shape (size, N)");
        }
        std::copy_n(drawn.data(), drawn.size(), out.begin());
    };
}

}  // namespace

void bind_structures(py::module_& module) {
    module.attr("max_matrix_size") = max_matrix_size;
    py::class_<StructuredLaw>(module, "StructuredLaw",
                              "Law of the spectrum of a structured matrix.")
        .def_property_readonly("matrix_size", &StructuredLaw::matrix_size)
        .def_property_readonly("available_samples", &StructuredLaw::available_samples)
        .def("control_variates",
             [](const StructuredLaw& law) {
                 std::map<std::string, double> controls;
                 for (const ControlVariate& control : law.control_variates()) {
                     controls[control.name] = control.mean;
                 }
                 return controls;
             })
        .def(
            "eigenvalues",
            [](StructuredLaw& law, Index size, std::uint64_t seed, int n_threads) {
                Array result({size, law.matrix_size()});
                const Span out = writable(result);
                const RunControl control = run_control(n_threads);
                const py::gil_scoped_release release;
                draw_spectra(law, size, seed, control, out);
                return result;
            },
            py::arg("size"), py::arg("seed"), py::arg("n_threads"));
    py::class_<BlockDiagonalLaw, StructuredLaw>(module, "BlockDiagonalLaw")
        .def(py::init<std::vector<Index>, double, double>(), py::arg("sizes"), py::arg("alpha"),
             py::arg("block_beta"));
    py::class_<KroneckerLaw, StructuredLaw>(module, "KroneckerLaw")
        .def(py::init<std::vector<Index>, double>(), py::arg("dims"), py::arg("alpha"));
    py::class_<ArrayLaw, StructuredLaw>(module, "ArrayLaw")
        .def(py::init([](const Array& spectra) {
                 if (spectra.ndim() != 2)
                     throw InvalidInput("spectra must have shape (samples, N)");
                 return std::make_unique<ArrayLaw>(view(spectra), spectra.shape(1));
             }),
             py::arg("spectra"));
    py::class_<CallbackLaw, StructuredLaw>(module, "CallbackLaw")
        .def(py::init([](Index matrix_size, py::typing::Callable<Array(std::uint64_t)> draw) {
                 return std::make_unique<CallbackLaw>(matrix_size,
                                                      python_draw(std::move(draw), matrix_size));
             }),
             py::arg("matrix_size"), py::arg("draw"))
        .def_property_readonly_static("group_size",
                                      [](const py::object&) { return CallbackLaw::group_size; });
}

}  // namespace htmu::bindings
