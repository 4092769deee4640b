#include "htmu/linalg/lapack.hpp"

#include "htmu/common/errors.hpp"

namespace htmu {
namespace {

LapackFunctions installed;

}  // namespace

void install_lapack(const LapackFunctions& functions) noexcept {
    installed = functions;
}

const LapackFunctions& lapack() {
    if (installed.sterf == nullptr || installed.stebz == nullptr || installed.stemr == nullptr ||
        installed.lasq1 == nullptr) {
        throw Error("no LAPACK routines are installed");
    }
    return installed;
}

}  // namespace htmu
