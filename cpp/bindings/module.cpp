#include "bindings.hpp"

PYBIND11_MODULE(_core, module) {
    using namespace htmu::bindings;
    module.doc() =
        "Compiled core of htmu: arrays in, arrays out; see the wrappers for the documentation.";
    register_errors();
    auto common = module.def_submodule("common", "Threads, cancellation and the processor.");
    bind_common(common);
    auto random = module.def_submodule("random", "Counter-based streams and variates.");
    bind_random(random);
    auto special = module.def_submodule("special", "Special functions and quantiles.");
    bind_special(special);
    auto linalg = module.def_submodule("linalg", "Spectra of tridiagonal and bidiagonal matrices.");
    bind_linalg(linalg);
    auto ensembles = module.def_submodule("ensembles", "Beta-ensembles.");
    bind_ensembles(ensembles);
    auto structures = module.def_submodule("structures", "Laws of structured spectra.");
    bind_structures(structures);
    auto kappa = module.def_submodule("kappa", "The kappa solvers.");
    bind_kappa(kappa);
}
