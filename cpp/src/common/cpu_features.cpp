#include "htmu/common/cpu_features.hpp"

#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
#define HTMU_X86 1
#include <array>
#include <cpuid.h>
#include <cstring>
#endif

namespace htmu {

std::string cpu_model() {
#ifdef HTMU_X86
    std::array<unsigned, 12> words{};
    unsigned highest = 0, unused_b = 0, unused_c = 0, unused_d = 0;
    if (__get_cpuid(0x80000000u, &highest, &unused_b, &unused_c, &unused_d) == 0 ||
        highest < 0x80000004u) {
        return "unknown";
    }
    for (unsigned leaf = 0; leaf < 3; ++leaf) {
        __get_cpuid(0x80000002u + leaf, &words[4 * leaf], &words[4 * leaf + 1],
                    &words[4 * leaf + 2], &words[4 * leaf + 3]);
    }
    std::array<char, sizeof(words) + 1> text{};
    std::memcpy(text.data(), words.data(), sizeof(words));
    const std::string model(text.data());
    const auto first = model.find_first_not_of(' ');
    const auto last = model.find_last_not_of(' ');
    return first == std::string::npos ? "unknown" : model.substr(first, last - first + 1);
#elif defined(__aarch64__)
    return "aarch64";
#else
    return "unknown";
#endif
}

std::vector<std::string> cpu_features() {
    std::vector<std::string> features;
#ifdef HTMU_X86
    // __builtin_cpu_supports also checks that the operating system saves the registers.
    __builtin_cpu_init();
    if (__builtin_cpu_supports("sse2")) features.emplace_back("sse2");
    if (__builtin_cpu_supports("sse4.2")) features.emplace_back("sse4.2");
    if (__builtin_cpu_supports("avx")) features.emplace_back("avx");
    if (__builtin_cpu_supports("avx2")) features.emplace_back("avx2");
    if (__builtin_cpu_supports("fma")) features.emplace_back("fma");
    if (__builtin_cpu_supports("avx512f")) features.emplace_back("avx512f");
    if (__builtin_cpu_supports("avx512dq")) features.emplace_back("avx512dq");
    if (__builtin_cpu_supports("avx512vbmi2")) features.emplace_back("avx512vbmi2");
#elif defined(__aarch64__)
    features.emplace_back("neon");
#endif
    return features;
}

}  // namespace htmu
