#include <algorithm>
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include "htmu/common/dispatch.hpp"
#include "htmu/common/errors.hpp"
#include "htmu/common/instruction_set.hpp"
#include "instruction_sets.hpp"

using namespace htmu;

namespace {

constexpr InstructionSet all[] = {InstructionSet::baseline, InstructionSet::avx2,
                                  InstructionSet::avx512};

bool supported(InstructionSet set) {
    const auto sets = supported_instruction_sets();
    return std::find(sets.begin(), sets.end(), set) != sets.end();
}

int one() {
    return 1;
}
int two() {
    return 2;
}
int three() {
    return 3;
}

}  // namespace

// CTest runs this one with HTMU_SIMD set to each name, and to one that there is not.
TEST_CASE("HTMU_SIMD names the instruction set at the start; without it, it is the widest") {
    const char* wanted = std::getenv("HTMU_SIMD");
    if (wanted == nullptr || *wanted == '\0') {
        CHECK(instruction_set() == supported_instruction_sets().back());
        return;
    }
    CAPTURE(wanted);
    const auto named = std::find_if(std::begin(all), std::end(all),
                                    [&](InstructionSet set) { return name_of(set) == wanted; });
    if (named != std::end(all) && supported(*named)) {
        CHECK(instruction_set() == *named);
    } else {
        CHECK_THROWS_WITH_AS((void)instruction_set(), doctest::Contains("HTMU_SIMD"), InvalidInput);
        CHECK_THROWS_WITH_AS((void)instruction_set(), doctest::Contains(wanted), InvalidInput);
    }
}

TEST_CASE("baseline is always supported, and a set only with those below it") {
    const auto sets = supported_instruction_sets();
    REQUIRE(!sets.empty());
    CHECK(sets.front() == InstructionSet::baseline);
    for (std::size_t k = 0; k < sets.size(); ++k) CHECK(sets[k] == all[k]);
}

TEST_CASE("names and instruction sets belong to one another") {
    for (const InstructionSet set : all) CHECK(instruction_set_named(name_of(set)) == set);
    for (const char* wrong : {"", "AVX2", "avx", "sse2", "avx512 "}) {
        CHECK_THROWS_AS((void)instruction_set_named(wrong), InvalidInput);
    }
}

TEST_CASE("the instruction set in use decides which function is called") {
    std::string used;
    for_each_instruction_set([&] {
        used += name_of(instruction_set()) + ' ';
        const int expected = 1 + static_cast<int>(instruction_set());
        CHECK(dispatched(&one, &two, &three)() == expected);
    });
    CHECK(used.rfind("baseline ", 0) == 0);
}

TEST_CASE("an instruction set that the machine lacks is refused and changes nothing") {
    const InstructionSet before = instruction_set();
    for (const InstructionSet set : all) {
        if (supported(set)) continue;
        CHECK_THROWS_WITH_AS(use_instruction_set(set), doctest::Contains(name_of(set).c_str()),
                             InvalidInput);
        CHECK(instruction_set() == before);
    }
}
