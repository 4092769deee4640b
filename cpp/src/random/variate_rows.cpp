#include "htmu/random/variate_rows.hpp"

namespace htmu {
namespace {

Stream stream_at(const StreamRows& rows, Index position) {
    return {PhiloxKey{rows.key_0, rows.key_1}, rows.matrix(position), rows.entry(position)};
}

}  // namespace

void draw_normal_rows(const StreamRows& rows, double scale, double* out) {
    Remainder remainder;
    HTMU_DISPATCH(normal_rows)(rows, scale, out, remainder);
    for (Index i = 0; i < remainder.size; ++i) {
        const Index position = remainder.position[i];
        Stream stream = stream_at(rows, position);
        out[position] = scale * normal_variate(stream);
    }
}

void draw_exponential_rows(const StreamRows& rows, double* out) {
    Remainder remainder;
    HTMU_DISPATCH(exponential_rows)(rows, out, remainder);
    for (Index i = 0; i < remainder.size; ++i) {
        const Index position = remainder.position[i];
        Stream stream = stream_at(rows, position);
        out[position] = exponential_variate(stream);
    }
}

void draw_gamma_rows(const StreamRows& rows, const GammaConstants& laws, GammaForm form,
                     double scale, double* out) {
    GammaScratch scratch;
    Remainder remainder;
    const double last = form == GammaForm::logarithm ? portable_log(scale) : scale;
    HTMU_DISPATCH(gamma_rows)(rows, laws, form, last, scratch, out, remainder);
    for (Index i = 0; i < remainder.size; ++i) {
        const Index position = remainder.position[i];
        const Index law = laws.law(position);
        Stream stream = stream_at(rows, position);
        const double drawn =
            GammaLaw(laws.offset[law], laws.spread[law], laws.boost[law]).draw(form, stream);
        out[position] = form == GammaForm::logarithm ? drawn + last : last * drawn;
    }
}

}  // namespace htmu
