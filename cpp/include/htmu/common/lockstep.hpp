#pragma once

#include "htmu/common/types.hpp"

namespace htmu {

/// Matrices of one size held side by side, "in lockstep", for the batch kernels: value i of matrix
/// k lies at [i * lockstep_lanes + k], whatever the instruction set; arrays start at a multiple of
/// lockstep_alignment bytes. A kernel that is given fewer matrices ("lanes") may compute the unused
/// lanes too, whatever they hold, up to a multiple of 8. It gives each matrix the same bits
/// whichever matrices are beside it, and in whichever lane.
inline constexpr Index lockstep_lanes = 32;
inline constexpr Index lockstep_alignment = 64;

/// What a kernel that may run for long asks now and then, unless `asked` is null: true makes it
/// return early, with results of no use.
struct StopCheck {
    bool (*asked)(void* context) = nullptr;
    void* context = nullptr;
};

}  // namespace htmu
