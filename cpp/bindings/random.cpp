#include <algorithm>
#include <limits>

#include "bindings.hpp"
#include "htmu/common/errors.hpp"
#include "htmu/random/fill.hpp"

namespace htmu::bindings {
namespace {

/// Fills out[i] from stream (seed, variates, i, 0), in pieces; fill(key, first, piece).
template <class Fill>
Array draw_variates(Index size, std::uint64_t seed, int n_threads, const Fill& fill) {
    Array result(size);
    const Span out = writable(result);
    const RunControl control = run_control(n_threads);
    const py::gil_scoped_release release;
    const StreamKey key(seed, Purpose::variates);
    constexpr Index per_item = 8192;
    parallel_for((size + per_item - 1) / per_item, control, [&](Index item, int) {
        const auto first = static_cast<std::size_t>(item * per_item);
        const auto length = static_cast<std::size_t>(std::min(per_item, size - item * per_item));
        fill(key, first, out.subspan(first, length));
    });
    return result;
}

/// One value for all variates, or one for each of `size`.
ConstSpan parameters(const Array& values, Index size, const char* name) {
    const ConstSpan parameter = view(values);
    if (values.size() != 1 && values.size() != size) {
        throw InvalidInput(std::string(name) + " must have 1 or " + std::to_string(size) +
                           " values, got " + std::to_string(values.size()));
    }
    const auto inside = [](double value) {
        return value > 0.0 && value <= std::numeric_limits<double>::max();
    };
    const auto outside = std::find_if_not(parameter.begin(), parameter.end(), inside);
    if (outside != parameter.end()) {
        throw InvalidInput(std::string(name) + " must be positive and finite, got " +
                           std::to_string(*outside));
    }
    return parameter;
}

Array draw_gamma(const Array& shapes, Index size, std::uint64_t seed, int n_threads,
                 GammaForm form) {
    const ConstSpan shape = parameters(shapes, size, "shape");
    return draw_variates(size, seed, n_threads, [=](StreamKey key, std::size_t first, Span piece) {
        if (shape.size() == 1) {
            fill_gamma(key, first, shape[0], form, piece);
        } else {
            fill_gamma(key, first, shape.subspan(first, piece.size()), form, piece);
        }
    });
}

Array draw_chi(const Array& dfs, Index size, std::uint64_t seed, int n_threads) {
    const ConstSpan df = parameters(dfs, size, "df");
    return draw_variates(size, seed, n_threads, [=](StreamKey key, std::size_t first, Span piece) {
        if (df.size() == 1) {
            fill_chi(key, first, df[0], piece);
        } else {
            fill_chi(key, first, df.subspan(first, piece.size()), piece);
        }
    });
}

}  // namespace

void bind_random(py::module_& module) {
    module.def("philox4x32", &philox4x32, py::arg("counter"), py::arg("key"),
               "Philox4x32-10 of one counter block.");
    module.def(
        "normal",
        [](Index size, std::uint64_t seed, int n_threads) {
            return draw_variates(size, seed, n_threads,
                                 [](StreamKey key, std::size_t first, Span piece) {
                                     fill_normal(key, first, piece);
                                 });
        },
        py::arg("size"), py::arg("seed"), py::arg("n_threads"));
    module.def(
        "exponential",
        [](Index size, std::uint64_t seed, int n_threads) {
            return draw_variates(size, seed, n_threads,
                                 [](StreamKey key, std::size_t first, Span piece) {
                                     fill_exponential(key, first, piece);
                                 });
        },
        py::arg("size"), py::arg("seed"), py::arg("n_threads"));
    module.def(
        "gamma",
        [](const Array& shapes, Index size, std::uint64_t seed, int n_threads, bool logarithm) {
            return draw_gamma(shapes, size, seed, n_threads,
                              logarithm ? GammaForm::logarithm : GammaForm::value);
        },
        py::arg("shapes"), py::arg("size"), py::arg("seed"), py::arg("n_threads"),
        py::arg("logarithm"), "`shapes` has one value or `size`.");
    module.def("chi", &draw_chi, py::arg("dfs"), py::arg("size"), py::arg("seed"),
               py::arg("n_threads"), "`dfs` has one value or `size`.");
}

}  // namespace htmu::bindings
