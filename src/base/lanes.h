#pragma once

#include <array>
#include <cstddef>

namespace laconic {

/// Sum of term(i) over i < count: term i goes to lane i mod kLanes, a power of 2, and the lanes are
/// then added up in pairs, whatever the width of registers. The loop over lanes has a fixed length
/// and no dependence from one lane to the next, so compilers turn it into registers.
template <std::size_t kLanes, typename Term>
double sum_in_lanes(std::size_t count, Term term) {
  std::array<double, kLanes> lanes{};
  const std::size_t whole = count - count % kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += term(i + lane);
  for (std::size_t i = whole; i < count; ++i) lanes[i - whole] += term(i);
  for (std::size_t half = kLanes / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

}  // namespace laconic
