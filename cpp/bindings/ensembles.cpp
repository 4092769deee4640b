#include <array>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "htmu/ensembles/laguerre_batch.hpp"

namespace htmu::bindings {
namespace {

LaguerreParameters checked(Index n, double beta, double a, double rate) {
    const LaguerreParameters parameters{n, beta, a, rate};
    check_parameters(parameters);
    return parameters;
}

std::pair<double, double> pair_of(const Moments& moments) {
    return {moments.mean, moments.variance};
}

/// A new array of that shape, filled by one of the batch samplers without the GIL.
Array filled(std::vector<Index> shape,
             void (*sample)(const LaguerreParameters&, Index, std::uint64_t, const RunControl&,
                            Span),
             const LaguerreParameters& parameters, Index size, std::uint64_t seed, int n_threads) {
    Array result(std::move(shape));
    const Span out = writable(result);
    const RunControl control = run_control(n_threads);
    const py::gil_scoped_release release;
    sample(parameters, size, seed, control, out);
    return result;
}

}  // namespace

void bind_ensembles(py::module_& module) {
    module.def(
        "laguerre_bidiagonal",
        [](Index n, double beta, double a, double rate, Index size, std::uint64_t seed,
           int n_threads) {
            const LaguerreParameters parameters = checked(n, beta, a, rate);
            Array diagonal({size, n}), subdiagonal({size, n - 1});
            const Span d = writable(diagonal), e = writable(subdiagonal);
            {
                const RunControl control = run_control(n_threads);
                const py::gil_scoped_release release;
                sample_bidiagonal_batch(parameters, size, seed, control, d, e);
            }
            return std::pair(diagonal, subdiagonal);
        },
        py::arg("n"), py::arg("beta"), py::arg("a"), py::arg("rate"), py::arg("size"),
        py::arg("seed"), py::arg("n_threads"));
    module.def(
        "laguerre_eigenvalues",
        [](Index n, double beta, double a, double rate, Index size, std::uint64_t seed,
           int n_threads) {
            return filled({size, n}, sample_eigenvalues_batch, checked(n, beta, a, rate), size,
                          seed, n_threads);
        },
        py::arg("n"), py::arg("beta"), py::arg("a"), py::arg("rate"), py::arg("size"),
        py::arg("seed"), py::arg("n_threads"));
    module.def(
        "laguerre_log_vandermonde",
        [](Index n, double beta, double a, double rate, Index size, std::uint64_t seed,
           int n_threads) {
            return filled({size}, sample_log_vandermonde_batch, checked(n, beta, a, rate), size,
                          seed, n_threads);
        },
        py::arg("n"), py::arg("beta"), py::arg("a"), py::arg("rate"), py::arg("size"),
        py::arg("seed"), py::arg("n_threads"));
    module.def(
        "laguerre_log_vandermonde_moments",
        [](Index n, double beta, double a, double rate) {
            return pair_of(log_vandermonde_moments(checked(n, beta, a, rate)));
        },
        py::arg("n"), py::arg("beta"), py::arg("a"), py::arg("rate"));
    module.def(
        "laguerre_log_determinant_moments",
        [](Index n, double beta, double a, double rate) {
            return pair_of(log_determinant_moments(checked(n, beta, a, rate)));
        },
        py::arg("n"), py::arg("beta"), py::arg("a"), py::arg("rate"));
    module.def(
        "laguerre_trace_moments",
        [](Index n, double beta, double a, double rate) {
            return pair_of(trace_moments(checked(n, beta, a, rate)));
        },
        py::arg("n"), py::arg("beta"), py::arg("a"), py::arg("rate"));
    module.def(
        "laguerre_mean_power_sums",
        [](Index n, double beta, double a, double rate) {
            const LaguerreParameters parameters = checked(n, beta, a, rate);
            return std::array<double, 3>{trace_moments(parameters).mean,
                                         mean_sum_squares(parameters), mean_sum_cubes(parameters)};
        },
        py::arg("n"), py::arg("beta"), py::arg("a"), py::arg("rate"));
}

}  // namespace htmu::bindings
