#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace laconic {

/// The nearest bf16 of a finite number, ties to even; beyond the largest, the largest.
constexpr std::uint16_t to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x), size = bits & 0x7fffffff;
  const std::uint32_t rounded = (size + 0x7fff + (size >> 16 & 1)) >> 16;
  return static_cast<std::uint16_t>(bits >> 16 & 0x8000) |
         static_cast<std::uint16_t>(std::min(rounded, 0x7f7fu));
}

constexpr float from_bf16(std::uint16_t x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16);
}

}  // namespace laconic
