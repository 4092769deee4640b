#include <utility>

#include <pybind11/typing.h>

#include "bindings.hpp"
#include "htmu/common/errors.hpp"
#include "htmu/kappa/solver.hpp"

namespace htmu::bindings {
namespace {

ReferenceKind reference_named(const std::string& name) {
    if (name == "weight") return ReferenceKind::weight;
    if (name == "shape") return ReferenceKind::shape;
    if (name == "full") return ReferenceKind::full;
    throw InvalidInput("reference must be 'weight', 'shape' or 'full', got '" + name + "'");
}

using ProgressFunction =
    std::optional<py::typing::Callable<void(std::int64_t, double, double, double)>>;
using Cancel = std::optional<std::shared_ptr<CancelToken>>;

/// Options of a solver; the progress function is borrowed from the caller's frame.
SolverOptions solver_options(double tolerance, double confidence, std::uint64_t seed,
                             std::int64_t max_samples, int n_threads,
                             const ProgressFunction& progress, const Cancel& cancel) {
    SolverOptions options;
    options.tolerance = tolerance;
    options.confidence = confidence;
    options.seed = seed;
    options.max_samples = max_samples;
    options.control = run_control(n_threads, cancel.value_or(nullptr));
    if (progress) {
        const py::function* function = &*progress;
        options.progress = [function](const SolverProgress& state) {
            const py::gil_scoped_acquire gil;
            (*function)(state.n_samples, state.kappa, state.half_width, state.fraction);
        };
    }
    return options;
}

}  // namespace

void bind_kappa(py::module_& module) {
    py::class_<KappaSolution>(module, "KappaSolution")
        .def_readonly("beta", &KappaSolution::beta)
        .def_readonly("kappa", &KappaSolution::kappa)
        .def_readonly("standard_error", &KappaSolution::standard_error)
        .def_readonly("lower", &KappaSolution::lower)
        .def_readonly("upper", &KappaSolution::upper)
        .def_readonly("n_samples", &KappaSolution::n_samples)
        .def_readonly("n_steps", &KappaSolution::n_steps)
        .def_readonly("converged", &KappaSolution::converged)
        .def_readonly("variance_reduction", &KappaSolution::variance_reduction);
    module.attr("minimum_draws") = minimum_draws;
    module.def(
        "solve_selberg",
        [](StructuredLaw& law, const std::string& reference, double alpha, double tolerance,
           double confidence, std::uint64_t seed, std::int64_t max_samples, int n_threads,
           const ProgressFunction& progress, const Cancel& cancel) {
            const auto family =
                make_reference(reference_named(reference), law.matrix_size(), alpha);
            const SolverOptions options = solver_options(tolerance, confidence, seed, max_samples,
                                                         n_threads, progress, cancel);
            const py::gil_scoped_release release;
            return solve_selberg(law, *family, options);
        },
        py::arg("law"), py::arg("reference"), py::arg("alpha"), py::arg("tolerance"),
        py::arg("confidence"), py::arg("seed"), py::arg("max_samples"), py::arg("n_threads"),
        py::arg("progress"), py::arg("cancel"));
    module.def(
        "solve_robbins_monro",
        [](StructuredLaw& law, const std::string& reference, double alpha, double tolerance,
           double confidence, std::uint64_t seed, std::int64_t max_samples, int n_threads,
           const ProgressFunction& progress, const Cancel& cancel, Index batch, double gain,
           bool stop_on_step) {
            const SolverOptions options = solver_options(tolerance, confidence, seed, max_samples,
                                                         n_threads, progress, cancel);
            const RobbinsMonroOptions own{batch, gain, stop_on_step};
            const ReferenceKind kind = reference_named(reference);
            const py::gil_scoped_release release;
            return solve_robbins_monro(law, kind, alpha, options, own);
        },
        py::arg("law"), py::arg("reference"), py::arg("alpha"), py::arg("tolerance"),
        py::arg("confidence"), py::arg("seed"), py::arg("max_samples"), py::arg("n_threads"),
        py::arg("progress"), py::arg("cancel"), py::arg("batch"), py::arg("gain"),
        py::arg("stop_on_step"));
    module.def(
        "reference_moments",
        [](const std::string& reference, Index n, double beta, double alpha) {
            const LaguerreParameters parameters{n, beta, alpha, 1.0};
            check_parameters(parameters);
            const Moments moments = reference_moments(reference_named(reference), parameters);
            return std::pair(moments.mean, moments.variance);
        },
        py::arg("reference"), py::arg("n"), py::arg("beta"), py::arg("alpha"),
        "Mean and variance of the statistic T under q_beta.");
}

}  // namespace htmu::bindings
