#include "bindings.hpp"
#include "htmu/special/digamma.hpp"
#include "htmu/special/quantiles.hpp"

namespace htmu::bindings {

void bind_special(py::module_& module) {
    module.def("digamma", py::vectorize(digamma), py::arg("x"));
    module.def("trigamma", py::vectorize(trigamma), py::arg("x"));
    module.def("normal_quantile", py::vectorize(normal_quantile), py::arg("probability"));
    module.def("student_t_quantile", py::vectorize(student_t_quantile), py::arg("probability"),
               py::arg("dof"));
}

}  // namespace htmu::bindings
