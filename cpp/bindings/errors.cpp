#include "htmu/common/errors.hpp"

#include "bindings.hpp"

namespace htmu::bindings {
namespace {

void set_error(const char* name, const std::exception& exception) {
    const py::object type = py::module_::import("htmu.errors").attr(name);
    py::set_error(type, exception.what());
}

}  // namespace

void register_errors() {
    py::register_exception_translator([](std::exception_ptr pointer) {
        try {
            if (pointer) std::rethrow_exception(pointer);
        } catch (const RepeatedEigenvalue& exception) {
            set_error("RepeatedEigenvalueError", exception);
        } catch (const NonFinite& exception) {
            set_error("NonFiniteError", exception);
        } catch (const InvalidInput& exception) {
            set_error("InvalidInputError", exception);
        } catch (const ConvergenceFailure& exception) {
            set_error("ConvergenceError", exception);
        } catch (const Cancelled& exception) {
            // An interrupt left Python's own exception (KeyboardInterrupt) in place.
            if (PyErr_Occurred() == nullptr) set_error("CancelledError", exception);
        } catch (const Error& exception) {
            set_error("HtmuError", exception);
        }
    });
}

}  // namespace htmu::bindings
