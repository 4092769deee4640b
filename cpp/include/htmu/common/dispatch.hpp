#pragma once

#include "htmu/common/instruction_set.hpp"

// How a kernel reaches its callers. cpp/src/<area>/kernels/<name>.cpp is compiled once for each
// instruction set, with HTMU_TARGET set to the set's name, and defines functions in the namespace
// htmu::HTMU_TARGET. A header in htmu/<area>/ declares the plain function, and
// cpp/src/<area>/<name>.cpp forwards it:
//
//     HTMU_DECLARE_KERNEL(void, scale_rows, (double* rows, Index n))  // in namespace htmu
//     void scale_rows(double* rows, Index n) { HTMU_DISPATCH(scale_rows)(rows, n); }

#if (defined(__x86_64__) || defined(__amd64__)) && defined(__GNUC__)
#define HTMU_HAVE_TARGETS 1
#else
#define HTMU_HAVE_TARGETS 0
#endif

#if HTMU_HAVE_TARGETS
#define HTMU_DECLARE_KERNEL(result, name, parameters) \
    namespace baseline {                              \
    result name parameters;                           \
    }                                                 \
    namespace avx2 {                                  \
    result name parameters;                           \
    }                                                 \
    namespace avx512 {                                \
    result name parameters;                           \
    }
#define HTMU_DISPATCH(name) \
    ::htmu::dispatched(&::htmu::baseline::name, &::htmu::avx2::name, &::htmu::avx512::name)
#else
#define HTMU_DECLARE_KERNEL(result, name, parameters) \
    namespace baseline {                              \
    result name parameters;                           \
    }
#define HTMU_DISPATCH(name) (&::htmu::baseline::name)
#endif

namespace htmu {

/// The version of a kernel for the instruction set in use.
template <class Function>
[[nodiscard]] Function* dispatched(Function* baseline, Function* avx2, Function* avx512) {
    switch (instruction_set()) {
        case InstructionSet::avx512:
            return avx512;
        case InstructionSet::avx2:
            return avx2;
        case InstructionSet::baseline:
            break;
    }
    return baseline;
}

}  // namespace htmu
