#include "htmu/common/instruction_set.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <utility>

#include "htmu/common/dispatch.hpp"
#include "htmu/common/errors.hpp"

namespace htmu {
namespace {

constexpr std::array<std::pair<InstructionSet, const char*>, 3> names{{
    {InstructionSet::baseline, "baseline"},
    {InstructionSet::avx2, "avx2"},
    {InstructionSet::avx512, "avx512"},
}};

bool supported(InstructionSet set) {
#if HTMU_HAVE_TARGETS
    // __builtin_cpu_supports also checks that the operating system saves the registers.
    __builtin_cpu_init();
    switch (set) {
        case InstructionSet::baseline:
            return true;
        case InstructionSet::avx2:
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        case InstructionSet::avx512:
            return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
    }
    return false;
#else
    return set == InstructionSet::baseline;
#endif
}

void require_supported(InstructionSet set, const char* what) {
    if (!supported(set)) {
        throw InvalidInput(std::string(what) +
                           " must be an instruction set of this machine, got '" + name_of(set) +
                           "'; the widest here is '" +
                           name_of(supported_instruction_sets().back()) + "'");
    }
}

InstructionSet from_environment() {
    const char* wanted = std::getenv("HTMU_SIMD");
    if (wanted == nullptr || *wanted == '\0') return supported_instruction_sets().back();
    const InstructionSet set = instruction_set_named(wanted);
    require_supported(set, "HTMU_SIMD");
    return set;
}

constexpr int undecided = -1;
std::atomic<int> in_use{undecided};

}  // namespace

InstructionSet instruction_set() {
    int set = in_use.load(std::memory_order_relaxed);
    if (set == undecided) {
        set = static_cast<int>(from_environment());
        in_use.store(set, std::memory_order_relaxed);
    }
    return static_cast<InstructionSet>(set);
}

std::vector<InstructionSet> supported_instruction_sets() {
    std::vector<InstructionSet> sets;
    for (const auto& [set, name] : names) {
        if (supported(set)) sets.push_back(set);
    }
    return sets;
}

void use_instruction_set(InstructionSet wanted) {
    require_supported(wanted, "the instruction set");
    in_use.store(static_cast<int>(wanted), std::memory_order_relaxed);
}

std::string name_of(InstructionSet set) {
    return names[static_cast<std::size_t>(set)].second;
}

InstructionSet instruction_set_named(const std::string& name) {
    const auto found = std::find_if(names.begin(), names.end(),
                                    [&](const auto& entry) { return name == entry.second; });
    if (found == names.end()) {
        throw InvalidInput("HTMU_SIMD must be 'baseline', 'avx2' or 'avx512', got '" + name +
                           "'; unset it to use the widest that this machine has");
    }
    return found->first;
}

}  // namespace htmu
