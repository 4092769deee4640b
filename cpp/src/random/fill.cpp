#include "htmu/random/fill.hpp"

#include <algorithm>

#include "htmu/random/variate_rows.hpp"

namespace htmu {
namespace {

/// Calls draw(rows, begin) for blocks of at most max_rows full rows of the array and for what
/// remains beyond them, a row of fewer lanes.
template <class Draw>
void for_each_block(StreamKey key, std::uint64_t first_matrix, Index size, const Draw& draw) {
    const PhiloxKey words = key.words();
    StreamRows rows{words[0], words[1], first_matrix,  lockstep_lanes, 1,
                    nullptr,  0,        lockstep_lanes};
    for (Index begin = 0; begin < size; begin += rows.n_rows * rows.lanes) {
        const Index left = size - begin;
        rows.first_matrix = first_matrix + static_cast<std::uint64_t>(begin);
        rows.lanes = std::min(left, lockstep_lanes);
        rows.n_rows = std::min(left / rows.lanes, max_rows);
        draw(rows, begin);
    }
}

/// Shapes are factor * shapes[k].
void fill_gamma_of_shapes(StreamKey key, std::uint64_t first_matrix, ConstSpan shapes,
                          double factor, GammaForm form, Span out, double scale) {
    alignas(lockstep_alignment) double offset[max_block], spread[max_block], boost[max_block],
        log_offset[max_block];
    const GammaConstants laws{offset, spread, boost, log_offset, lockstep_lanes, 1};
    double* logs = form == GammaForm::logarithm ? log_offset : nullptr;
    for_each_block(key, first_matrix, static_cast<Index>(out.size()),
                   [&](const StreamRows& rows, Index begin) {
                       HTMU_DISPATCH(gamma_constants)
                       (shapes.data() + begin, rows.n_rows * rows.lanes, factor, offset, spread,
                        boost, logs);
                       draw_gamma_rows(rows, laws, form, scale, out.data() + begin);
                   });
}

constexpr double sqrt_2 = 1.4142135623730951;

}  // namespace

void fill_normal(StreamKey key, std::uint64_t first_matrix, Span out) {
    for_each_block(key, first_matrix, static_cast<Index>(out.size()),
                   [&](const StreamRows& rows, Index begin) {
                       draw_normal_rows(rows, 1.0, out.data() + begin);
                   });
}

void fill_exponential(StreamKey key, std::uint64_t first_matrix, Span out) {
    for_each_block(key, first_matrix, static_cast<Index>(out.size()),
                   [&](const StreamRows& rows, Index begin) {
                       draw_exponential_rows(rows, out.data() + begin);
                   });
}

void fill_gamma(StreamKey key, std::uint64_t first_matrix, double shape, GammaForm form, Span out,
                double scale) {
    const GammaLaw law(shape);
    const double offset = law.offset(), spread = law.spread(), boost = law.boost(),
                 log_offset = portable_log(offset);
    const GammaConstants laws{&offset, &spread, &boost, &log_offset, 0, 0};
    for_each_block(key, first_matrix, static_cast<Index>(out.size()),
                   [&](const StreamRows& rows, Index begin) {
                       draw_gamma_rows(rows, laws, form, scale, out.data() + begin);
                   });
}

void fill_gamma(StreamKey key, std::uint64_t first_matrix, ConstSpan shapes, GammaForm form,
                Span out, double scale) {
    fill_gamma_of_shapes(key, first_matrix, shapes, 1.0, form, out, scale);
}

void fill_chi(StreamKey key, std::uint64_t first_matrix, double df, Span out) {
    fill_gamma(key, first_matrix, 0.5 * df, GammaForm::square_root, out, sqrt_2);
}

void fill_chi(StreamKey key, std::uint64_t first_matrix, ConstSpan dfs, Span out) {
    fill_gamma_of_shapes(key, first_matrix, dfs, 0.5, GammaForm::square_root, out, sqrt_2);
}

}  // namespace htmu
