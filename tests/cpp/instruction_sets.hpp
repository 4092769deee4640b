#pragma once

#include <doctest/doctest.h>

#include "htmu/common/instruction_set.hpp"

/// Calls test() with each instruction set of this machine in use, and restores the one before.
template <class Test>
void for_each_instruction_set(Test test) {
    const htmu::InstructionSet before = htmu::instruction_set();
    for (const htmu::InstructionSet set : htmu::supported_instruction_sets()) {
        const std::string name = htmu::name_of(set);
        CAPTURE(name);
        htmu::use_instruction_set(set);
        test();
    }
    htmu::use_instruction_set(before);
}
