#pragma once

#include <cstdint>

#include "htmu/random/philox.hpp"

namespace htmu {

/// What a stream of random numbers is for. Streams of different purposes never share a number.
/// The values are part of the meaning of a seed: never reuse or renumber one.
enum class Purpose : std::uint32_t {
    variates = 1,        ///< user-facing variates
    ensemble = 2,        ///< beta-ensemble samples
    structure = 3,       ///< spectra of structured matrices
    reference_law = 4,   ///< q_beta samples of the Robbins-Monro solver
    structure_pool = 5,  ///< pools of blocks, shared by several spectra
};

/// The 64-bit key of one (seed, purpose).
class StreamKey {
   public:
    StreamKey(std::uint64_t seed, Purpose purpose) noexcept {
        constexpr std::uint32_t domain = 0x68746D75u;  // "htmu": apart from every Stream counter
        const PhiloxBlock block =
            philox4x32({static_cast<std::uint32_t>(purpose), domain, 0xFFFFFFFFu, 0xFFFFFFFFu},
                       {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
        key_ = {block[0], block[1]};
    }
    [[nodiscard]] PhiloxKey words() const noexcept { return key_; }

   private:
    PhiloxKey key_{};
};

/// The random words of one entry of one matrix: a function of (key, matrix, entry) alone, so
/// results depend neither on threads nor on the order in which entries are drawn. Holds 2^33
/// words of 64 bits.
class Stream {
   public:
    Stream(StreamKey key, std::uint64_t matrix, std::uint32_t entry) noexcept
        : Stream(key.words(), matrix, entry) {}

    /// The same with the words of a key.
    Stream(PhiloxKey key, std::uint64_t matrix, std::uint32_t entry) noexcept
        : key_(key),
          counter_{0, entry, static_cast<std::uint32_t>(matrix),
                   static_cast<std::uint32_t>(matrix >> 32)} {}

    [[nodiscard]] std::uint64_t next() noexcept {
        if (have_second_) {
            have_second_ = false;
            return second_;
        }
        const PhiloxBlock block = philox4x32(counter_, key_);
        ++counter_[0];
        second_ = (static_cast<std::uint64_t>(block[2]) << 32) | block[3];
        have_second_ = true;
        return (static_cast<std::uint64_t>(block[0]) << 32) | block[1];
    }

    /// Uniform on (0, 1): the midpoints of 2^52 equal cells, so never 0 or 1.
    [[nodiscard]] double uniform() noexcept {
        return (static_cast<double>(next() >> 12) + 0.5) * 0x1p-52;
    }

   private:
    PhiloxKey key_;
    PhiloxBlock counter_;
    std::uint64_t second_ = 0;
    bool have_second_ = false;
};

}  // namespace htmu
