#include <cmath>

#include "bindings.hpp"
#include "htmu/common/errors.hpp"
#include "htmu/random/variates.hpp"

namespace htmu::bindings {
namespace {

/// Fills out[i] from stream (seed, variates, i, 0).
template <class Draw>
Array draw_variates(Index size, std::uint64_t seed, int n_threads, const Draw& draw) {
    Array result(size);
    const Span out = writable(result);
    const RunControl control = run_control(n_threads);
    const py::gil_scoped_release release;
    const StreamKey key(seed, Purpose::variates);
    constexpr Index per_item = 4096;
    parallel_for((size + per_item - 1) / per_item, control, [&](Index item, int) {
        const Index last = std::min(size, (item + 1) * per_item);
        for (Index i = item * per_item; i < last; ++i) {
            Stream stream(key, static_cast<std::uint64_t>(i), 0);
            out[static_cast<std::size_t>(i)] = draw(stream, static_cast<std::size_t>(i));
        }
    });
    return result;
}

void check_positive(ConstSpan values, const char* name) {
    for (const double value : values) {
        if (!(value > 0.0) || !std::isfinite(value)) {
            throw InvalidInput(std::string(name) + " must be positive and finite, got " +
                               std::to_string(value));
        }
    }
}

}  // namespace

void bind_random(py::module_& module) {
    module.def("philox4x32", &philox4x32, py::arg("counter"), py::arg("key"),
               "Philox4x32-10 of one counter block.");
    module.def(
        "normal",
        [](Index size, std::uint64_t seed, int n_threads) {
            return draw_variates(size, seed, n_threads, [](Stream& stream, std::size_t) {
                return normal_variate(stream);
            });
        },
        py::arg("size"), py::arg("seed"), py::arg("n_threads"));
    module.def(
        "exponential",
        [](Index size, std::uint64_t seed, int n_threads) {
            return draw_variates(size, seed, n_threads, [](Stream& stream, std::size_t) {
                return exponential_variate(stream);
            });
        },
        py::arg("size"), py::arg("seed"), py::arg("n_threads"));
    module.def(
        "gamma",
        [](const Array& shapes, std::uint64_t seed, int n_threads, bool logarithm) {
            const ConstSpan shape = view(shapes);
            check_positive(shape, "shape");
            // A single shape is the common case: its constants are then computed once.
            const GammaLaw first(shape.empty() ? 1.0 : shape[0]);
            return draw_variates(
                shapes.size(), seed, n_threads, [=](Stream& stream, std::size_t i) {
                    const GammaLaw law = shape[i] == first.shape() ? first : GammaLaw(shape[i]);
                    return logarithm ? law.log_variate(stream) : law.variate(stream);
                });
        },
        py::arg("shapes"), py::arg("seed"), py::arg("n_threads"), py::arg("logarithm"));
    module.def(
        "chi",
        [](const Array& dfs, std::uint64_t seed, int n_threads) {
            const ConstSpan df = view(dfs);
            check_positive(df, "df");
            return draw_variates(dfs.size(), seed, n_threads, [=](Stream& stream, std::size_t i) {
                return chi_variate(stream, df[i]);
            });
        },
        py::arg("dfs"), py::arg("seed"), py::arg("n_threads"));
}

}  // namespace htmu::bindings
