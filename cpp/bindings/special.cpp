#include "bindings.hpp"
#include "htmu/special/digamma.hpp"
#include "htmu/special/htmp_table.hpp"
#include "htmu/special/quantiles.hpp"

namespace htmu::bindings {
namespace {

std::vector<py::ssize_t> shape_of(const Array& x) {
    return {x.shape(), x.shape() + x.ndim()};
}

template <HtmpQuantity quantity>
Array htmp_values(const HtmpTable& table, const Array& x) {
    Array values(shape_of(x));
    const ConstSpan points = view(x);
    const Span out = writable(values);
    const RunControl control = run_control(1);
    const py::gil_scoped_release release;
    table.evaluate(quantity, points, control, out);
    return values;
}

template <bool upper>
Array htmp_quantiles(const HtmpTable& table, const Array& p) {
    Array x(shape_of(p));
    const ConstSpan probabilities = view(p);
    const Span out = writable(x);
    const RunControl control = run_control(1);
    const py::gil_scoped_release release;
    table.quantiles(upper, probabilities, control, out);
    return x;
}

Array htmp_gradient(const HtmpTable& table, const Array& x) {
    std::vector<py::ssize_t> shape = shape_of(x);
    shape.insert(shape.begin(), 4);
    Array values(shape);
    const ConstSpan points = view(x);
    const Span out = writable(values);
    const RunControl control = run_control(1);
    const py::gil_scoped_release release;
    table.gradient(points, control, out);
    return values;
}

void bind_htmp_table(py::module_& module) {
    py::class_<HtmpTable>(module, "HtmpTable")
        .def(py::init([](double b, double delta, bool gradient) {
                 const py::gil_scoped_release release;
                 return std::make_unique<HtmpTable>(b, delta, gradient);
             }),
             py::arg("b"), py::arg("delta"), py::arg("gradient") = false)
        .def_property_readonly("b", &HtmpTable::b)
        .def_property_readonly("delta", &HtmpTable::delta)
        .def_property_readonly("has_gradient", &HtmpTable::has_gradient)
        .def_property_readonly("n_segments", &HtmpTable::n_segments)
        .def_property_readonly("mismatch", &HtmpTable::mismatch,
                               "F + S - 1 where the passes from both tails meet.")
        .def_readonly_static("smallest_b", &HtmpTable::smallest_b)
        .def_readonly_static("largest_b", &HtmpTable::largest_b)
        .def_readonly_static("largest_delta", &HtmpTable::largest_delta)
        .def("logpdf", &htmp_values<HtmpQuantity::logpdf>, py::arg("x"))
        .def("pdf", &htmp_values<HtmpQuantity::pdf>, py::arg("x"))
        .def("logcdf", &htmp_values<HtmpQuantity::logcdf>, py::arg("x"))
        .def("cdf", &htmp_values<HtmpQuantity::cdf>, py::arg("x"))
        .def("logsf", &htmp_values<HtmpQuantity::logsf>, py::arg("x"))
        .def("sf", &htmp_values<HtmpQuantity::sf>, py::arg("x"))
        .def("ppf", &htmp_quantiles<false>, py::arg("p"))
        .def("isf", &htmp_quantiles<true>, py::arg("q"))
        .def("gradient", &htmp_gradient, py::arg("x"),
             "log f and its derivatives by b, by delta and by log x: shape (4, *x.shape).");
}

}  // namespace

void bind_special(py::module_& module) {
    module.def("digamma", py::vectorize(digamma), py::arg("x"));
    module.def("trigamma", py::vectorize(trigamma), py::arg("x"));
    module.def("normal_quantile", py::vectorize(normal_quantile), py::arg("probability"));
    module.def("student_t_quantile", py::vectorize(student_t_quantile), py::arg("probability"),
               py::arg("dof"));
    bind_htmp_table(module);
}

}  // namespace htmu::bindings
