#include "htmu/ensembles/parameters.hpp"

#include <cmath>
#include <sstream>

#include "htmu/common/errors.hpp"

namespace htmu {
namespace {

[[noreturn]] void refuse(const char* name, const char* domain, double value) {
    std::ostringstream message;
    message << name << " must be " << domain << ", got " << value;
    throw InvalidInput(message.str());
}

}  // namespace

void require_size(Index n) {
    if (n < 1) refuse("n", "at least 1", static_cast<double>(n));
}

void require_dyson_index(double beta) {
    if (!(beta >= 0.0) || !std::isfinite(beta)) refuse("beta", "finite and at least 0", beta);
}

void require_exponent(const char* name, double value) {
    if (!(value > -1.0) || !std::isfinite(value)) {
        refuse(name, "finite and greater than -1", value);
    }
}

void require_rate(double rate) {
    if (!(rate > 0.0) || !std::isfinite(rate)) refuse("rate", "finite and greater than 0", rate);
    if (!std::isfinite(1.0 / rate)) refuse("rate", "so large that its inverse is finite", rate);
}

}  // namespace htmu
