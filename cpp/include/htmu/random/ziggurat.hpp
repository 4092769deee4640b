#pragma once

namespace htmu {

/// Edges x_0 > x_1 > ... > x_256 = 0 of the 256 layers of equal area under exp(-x^2/2), and the
/// heights exp(-x_i^2/2). x_0 is the width of the base layer's rectangle, which has the tail beyond
/// x_1 folded in: x_0 = v / exp(-x_1^2/2) and x_{i+1}^2 = -2 log(v / x_i + exp(-x_i^2/2)) with
/// v = 0.00492867323399 and x_1 = 3.6541528853610088. Literals, so that they do not depend on the C
/// library.
/// Source: Marsaglia and Tsang, J. Stat. Softw. 5(8), 2000; Doornik, "An improved ziggurat method
/// to generate normal random samples", 2005.
extern const double ziggurat_edge[257];
extern const double ziggurat_height[257];

inline constexpr double ziggurat_tail_start = 3.6541528853610088;

}  // namespace htmu
