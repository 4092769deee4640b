#pragma once

#include <memory>
#include <optional>

#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "htmu/common/parallel.hpp"
#include "htmu/common/types.hpp"

namespace htmu::bindings {

namespace py = pybind11;

/// A contiguous array of doubles; other dtypes and layouts are converted on the way in.
using Array = py::array_t<double, py::array::c_style | py::array::forcecast>;

inline ConstSpan view(const Array& array) {
    return {array.data(), static_cast<std::size_t>(array.size())};
}

inline Span writable(Array& array) {
    return {array.mutable_data(), static_cast<std::size_t>(array.size())};
}

/// Control of a call that runs without the GIL: Python's signal handlers are asked every 50 ms.
RunControl run_control(int n_threads, const std::shared_ptr<CancelToken>& cancel = nullptr);

void bind_common(py::module_& module);
void bind_random(py::module_& module);
void bind_special(py::module_& module);
void bind_linalg(py::module_& module);
void bind_ensembles(py::module_& module);
void bind_structures(py::module_& module);
void bind_kappa(py::module_& module);
void register_errors();

}  // namespace htmu::bindings
