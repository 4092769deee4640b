#pragma once

#include <string>
#include <vector>

namespace htmu {

/// The processor's brand string, or "unknown".
[[nodiscard]] std::string cpu_model();

/// Vector instruction sets that this processor and operating system support, by their usual
/// names, narrowest first (e.g. {"sse2", "avx", "avx2", "fma", "avx512f"}).
[[nodiscard]] std::vector<std::string> cpu_features();

}  // namespace htmu
