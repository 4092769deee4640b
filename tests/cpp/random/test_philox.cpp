#include <algorithm>
#include <cmath>
#include <set>

#include <doctest/doctest.h>

#include "htmu/random/stream.hpp"

using namespace htmu;

// Known-answer vectors of philox4x32-10 from the Random123 distribution (kat_vectors).
TEST_CASE("philox4x32-10 gives the published answers") {
    CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) ==
          PhiloxBlock{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
    constexpr std::uint32_t ones = 0xffffffffu;
    CHECK(philox4x32({ones, ones, ones, ones}, {ones, ones}) ==
          PhiloxBlock{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
    CHECK(philox4x32({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u},
                     {0xa4093822u, 0x299f31d0u}) ==
          PhiloxBlock{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u});
}

TEST_CASE("streams of different seed, purpose, matrix or entry differ") {
    std::set<std::uint64_t> first_words;
    int n_streams = 0;
    for (const std::uint64_t seed : {0ull, 1ull, 1ull << 32, ~0ull}) {
        for (const Purpose purpose :
             {Purpose::variates, Purpose::ensemble, Purpose::structure, Purpose::reference_law}) {
            for (const std::uint64_t matrix : {0ull, 1ull, 1ull << 32, ~0ull}) {
                for (const std::uint32_t entry : {0u, 1u, 0xffffffffu}) {
                    Stream stream(StreamKey(seed, purpose), matrix, entry);
                    for (int word = 0; word < 5; ++word) first_words.insert(stream.next());
                    n_streams += 5;
                }
            }
        }
    }
    CHECK(first_words.size() == static_cast<std::size_t>(n_streams));
}

TEST_CASE("a stream repeats itself and its uniforms stay inside (0, 1)") {
    const StreamKey key(42, Purpose::variates);
    Stream first(key, 7, 3), second(key, 7, 3);
    double smallest = 1.0, largest = 0.0, sum = 0.0;
    constexpr int n = 100000;
    for (int i = 0; i < n; ++i) {
        const double u = first.uniform();
        CHECK_EQ(u, second.uniform());
        smallest = std::min(smallest, u);
        largest = std::max(largest, u);
        sum += u;
    }
    CHECK(smallest > 0.0);
    CHECK(largest < 1.0);
    // Five standard errors: false alarm 6e-7, and the seed is fixed.
    CHECK(std::abs(sum / n - 0.5) < 5.0 / std::sqrt(12.0 * n));
}
