#pragma once

#include <string>
#include <vector>

namespace htmu {

/// Instruction sets that the vector kernels are compiled for, narrowest first. On processors
/// other than x86-64 only `baseline` exists: what the compiler's default target offers.
enum class InstructionSet {
    baseline,  ///< x86-64: SSE2, 2 doubles
    avx2,      ///< AVX2 and FMA, 4 doubles
    avx512,    ///< AVX-512 F, CD, BW, DQ and VL (x86-64-v4), 8 doubles
};

/// The one in use: the widest that the processor and the operating system support, or the one that
/// the environment variable HTMU_SIMD names. Throws InvalidInput when HTMU_SIMD names none, or one
/// that this machine lacks.
[[nodiscard]] InstructionSet instruction_set();

/// Those that this machine supports, narrowest first.
[[nodiscard]] std::vector<InstructionSet> supported_instruction_sets();

/// Uses another one from now on. Not to be called while others compute. Throws InvalidInput when
/// this machine lacks it.
void use_instruction_set(InstructionSet wanted);

[[nodiscard]] std::string name_of(InstructionSet set);

/// Throws InvalidInput when no instruction set has that name.
[[nodiscard]] InstructionSet instruction_set_named(const std::string& name);

}  // namespace htmu
