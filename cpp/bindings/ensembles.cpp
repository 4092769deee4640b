#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "htmu/common/errors.hpp"
#include "htmu/ensembles/batch.hpp"
#include "htmu/ensembles/hermite.hpp"
#include "htmu/ensembles/jacobi.hpp"
#include "htmu/ensembles/laguerre.hpp"

namespace htmu::bindings {
namespace {

/// Mean and variance by one of the closed forms, as a pair.
template <class Parameters, class... Values>
std::pair<double, double> pair_of(Moments (*closed_form)(const Parameters&), Values... values) {
    const Parameters parameters{values...};
    check_parameters(parameters);
    const py::gil_scoped_release release;
    const Moments moments = closed_form(parameters);
    return {moments.mean, moments.variance};
}

/// A new array of that shape, filled by one of the parts of a SpectraOutput without the GIL.
Array spectra(std::vector<Index> shape, Span SpectraOutput::* part, const MatrixModel& model,
              Index size, std::uint64_t seed, int n_threads,
              EigenvalueAccuracy accuracy = EigenvalueAccuracy::relative) {
    Array result(std::move(shape));
    SpectraOutput output;
    output.*part = writable(result);
    const RunControl control = run_control(n_threads);
    const py::gil_scoped_release release;
    sample_spectra_batch(model, size, seed, control, output, accuracy);
    return result;
}

/// The samplers of every ensemble, over its matrix model.
void bind_matrix_model(py::module_& module) {
    py::class_<MatrixModel>(module, "MatrixModel",
                            "A random tridiagonal or bidiagonal matrix with a known spectral law.")
        .def(
            "sample",
            [](const MatrixModel& model, Index size, std::uint64_t seed, int n_threads) {
                Array diagonal({size, model.n()}), off_diagonal({size, model.n() - 1});
                const Span d = writable(diagonal), e = writable(off_diagonal);
                {
                    const RunControl control = run_control(n_threads);
                    const py::gil_scoped_release release;
                    sample_matrices(model, size, seed, control, d, e);
                }
                return std::pair(diagonal, off_diagonal);
            },
            py::arg("size"), py::arg("seed"), py::arg("n_threads"))
        .def(
            "eigenvalues",
            [](const MatrixModel& model, Index size, std::uint64_t seed, int n_threads,
               bool relative) {
                return spectra(
                    {size, model.n()}, &SpectraOutput::eigenvalues, model, size, seed, n_threads,
                    relative ? EigenvalueAccuracy::relative : EigenvalueAccuracy::absolute);
            },
            py::arg("size"), py::arg("seed"), py::arg("n_threads"), py::arg("relative") = true)
        .def(
            "log_vandermonde",
            [](const MatrixModel& model, Index size, std::uint64_t seed, int n_threads) {
                return spectra({size}, &SpectraOutput::log_vandermondes, model, size, seed,
                               n_threads);
            },
            py::arg("size"), py::arg("seed"), py::arg("n_threads"))
        .def(
            "histogram",
            [](const MatrixModel& model, Index size, const Array& edges, std::uint64_t seed,
               int n_threads) {
                if (edges.ndim() != 1 || edges.size() < 2) {
                    throw InvalidInput("edges must be one row of at least 2");
                }
                py::array_t<std::int64_t> result(edges.size() - 1);
                const std::span<std::int64_t> counts(result.mutable_data(),
                                                     static_cast<std::size_t>(result.size()));
                const RunControl control = run_control(n_threads);
                const ConstSpan points = view(edges);
                const py::gil_scoped_release release;
                sample_histogram(model, size, seed, points, control, counts);
                return result;
            },
            py::arg("size"), py::arg("edges"), py::arg("seed"), py::arg("n_threads"));
}

/// Registers a model; its tables of n laws are made without the GIL.
template <class Sampler, class Parameters, class... Values, class... Arguments>
py::class_<Sampler, MatrixModel> bind_model(py::module_& module, const char* name, const char* doc,
                                            Arguments... arguments) {
    py::class_<Sampler, MatrixModel> model(module, name, doc);
    model.def(py::init([](Index n, Values... values) {
                  const Parameters parameters{n, values...};
                  check_parameters(parameters);
                  const py::gil_scoped_release release;
                  return std::make_unique<Sampler>(parameters);
              }),
              py::arg("n"), arguments...);
    return model;
}

void bind_hermite(py::module_& module) {
    bind_model<HermiteSampler, HermiteParameters, double, double>(
        module, "HermiteModel", "Tridiagonal model of the beta-Hermite ensemble.", py::arg("beta"),
        py::arg("rate"));
    const auto define = [&](const char* name, Moments (*closed_form)(const HermiteParameters&)) {
        module.def(
            name,
            [closed_form](Index n, double beta, double rate) {
                return pair_of(closed_form, n, beta, rate);
            },
            py::arg("n"), py::arg("beta"), py::arg("rate"));
    };
    define("hermite_log_vandermonde_moments", log_vandermonde_moments);
    define("hermite_trace_moments", trace_moments);
    define("hermite_sum_squares_moments", sum_squares_moments);
}

void bind_laguerre(py::module_& module) {
    bind_model<LaguerreSampler, LaguerreParameters, double, double, double>(
        module, "LaguerreModel", "Bidiagonal model of the beta-Laguerre ensemble.", py::arg("beta"),
        py::arg("a"), py::arg("rate"))
        .def(
            "log_eigenvalues",
            [](const LaguerreSampler& model, Index size, std::uint64_t seed, int n_threads) {
                Array result({size, model.n()});
                const Span out = writable(result);
                const RunControl control = run_control(n_threads);
                const py::gil_scoped_release release;
                sample_log_eigenvalues(model, size, seed, control, out);
                return result;
            },
            py::arg("size"), py::arg("seed"), py::arg("n_threads"));
    const auto define = [&](const char* name, Moments (*closed_form)(const LaguerreParameters&)) {
        module.def(
            name,
            [closed_form](Index n, double beta, double a, double rate) {
                return pair_of(closed_form, n, beta, a, rate);
            },
            py::arg("n"), py::arg("beta"), py::arg("a"), py::arg("rate"));
    };
    define("laguerre_log_vandermonde_moments", log_vandermonde_moments);
    define("laguerre_log_determinant_moments", log_determinant_moments);
    define("laguerre_trace_moments", trace_moments);
    module.def(
        "laguerre_mean_power_sums",
        [](Index n, double beta, double a, double rate) {
            const LaguerreParameters parameters{n, beta, a, rate};
            check_parameters(parameters);
            const py::gil_scoped_release release;
            return std::array<double, 3>{trace_moments(parameters).mean,
                                         mean_sum_squares(parameters), mean_sum_cubes(parameters)};
        },
        py::arg("n"), py::arg("beta"), py::arg("a"), py::arg("rate"));
}

void bind_jacobi(py::module_& module) {
    bind_model<JacobiSampler, JacobiParameters, double, double, double>(
        module, "JacobiModel", "Bidiagonal model of the beta-Jacobi ensemble.", py::arg("beta"),
        py::arg("a"), py::arg("b"));
    const auto define = [&](const char* name, Moments (*closed_form)(const JacobiParameters&)) {
        module.def(
            name,
            [closed_form](Index n, double beta, double a, double b) {
                return pair_of(closed_form, n, beta, a, b);
            },
            py::arg("n"), py::arg("beta"), py::arg("a"), py::arg("b"));
    };
    define("jacobi_log_vandermonde_moments", log_vandermonde_moments);
    define("jacobi_log_determinant_moments", log_determinant_moments);
    define("jacobi_log_complement_moments", log_complement_moments);
    define("jacobi_trace_moments", trace_moments);
}

}  // namespace

void bind_ensembles(py::module_& module) {
    bind_matrix_model(module);
    bind_hermite(module);
    bind_laguerre(module);
    bind_jacobi(module);
}

}  // namespace htmu::bindings
