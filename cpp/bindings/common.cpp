#include <chrono>

#include "bindings.hpp"
#include "htmu/common/cpu_features.hpp"
#include "htmu/common/errors.hpp"
#include "htmu/common/instruction_set.hpp"
#include "htmu/common/throughput.hpp"

namespace htmu::bindings {

RunControl run_control(int n_threads, const std::shared_ptr<CancelToken>& cancel) {
    RunControl control;
    control.n_threads = n_threads;
    control.cancel = cancel.get();
    control.interrupted = [] {
        const py::gil_scoped_acquire gil;
        return PyErr_CheckSignals() != 0;
    };
    return control;
}

namespace {

/// One throw of each core exception, so that a test can check how it reaches Python.
void raise_core_error(const std::string& kind) {
    if (kind == "RepeatedEigenvalue") throw RepeatedEigenvalue("planted");
    if (kind == "NonFinite") throw NonFinite("planted");
    if (kind == "InvalidInput") throw InvalidInput("planted");
    if (kind == "ConvergenceFailure") throw ConvergenceFailure("planted");
    if (kind == "Cancelled") throw Cancelled();
    throw Error("planted");
}

/// Busy items of about `milliseconds` each: for tests of interrupts and cancellation.
void spin(Index n_items, double milliseconds, int n_threads,
          const std::optional<std::shared_ptr<CancelToken>>& cancel) {
    const RunControl control = run_control(n_threads, cancel.value_or(nullptr));
    const py::gil_scoped_release release;
    parallel_for(n_items, control, [&](Index, int) {
        const auto stop = std::chrono::steady_clock::now() +
                          std::chrono::duration<double, std::milli>(milliseconds);
        while (std::chrono::steady_clock::now() < stop) {
        }
    });
}

}  // namespace

void bind_common(py::module_& module) {
    module.def("cpu_model", &cpu_model, "The processor's brand string.");
    module.def("cpu_features", &cpu_features,
               "Supported vector instruction sets, narrowest first.");
    module.def(
        "instruction_set", [] { return name_of(instruction_set()); },
        "The instruction set that the vector kernels use.");
    module.def(
        "supported_instruction_sets",
        [] {
            std::vector<std::string> names;
            for (const InstructionSet set : supported_instruction_sets()) {
                names.push_back(name_of(set));
            }
            return names;
        },
        "Those that this machine supports, narrowest first.");
    module.def(
        "use_instruction_set",
        [](const std::string& name) { use_instruction_set(instruction_set_named(name)); },
        py::arg("name"), "Uses another one from now on, in the whole process.");
    module.def(
        "throughput",
        [] {
            const Throughput rates = measure_throughput();
            return std::pair(rates.multiply_adds, rates.divisions);
        },
        "Multiply-adds and divisions of doubles that one core does at most in a second.");
    module.attr("max_threads") = max_threads;
    module.def("_raise_core_error", &raise_core_error, py::arg("kind"));
    py::class_<CancelToken, std::shared_ptr<CancelToken>>(
        module, "CancelToken", "A flag that any thread may set to stop work in progress.")
        .def(py::init<>())
        .def("cancel", &CancelToken::cancel)
        .def_property_readonly("cancelled", &CancelToken::cancelled);
    module.def("_spin", &spin, py::arg("n_items"), py::arg("milliseconds"), py::arg("n_threads"),
               py::arg("cancel") = py::none());
}

}  // namespace htmu::bindings
