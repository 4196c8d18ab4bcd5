#pragma once

#include <cstdint>
#include <span>

#include "base/types.h"

namespace laconic::kernels {

/// Keeps, in place and in order, the pairs whose key (magnitude_key) is above `threshold` and the
/// first `ties` of those equal to it; returns how many are left and takes from `ties` what was
/// used.
std::size_t keep_largest(MutFloats values, std::span<std::uint32_t> indices,
                         std::uint32_t threshold, std::size_t& ties);

inline constexpr std::size_t kCompactSlack = 16;

struct Copied {
  std::size_t count;
  std::uint32_t largest;  ///< Key of all values, not only of those copied; 0 for none.
};

/// Copies the pairs whose key is below `high`, which is above zero, in order; up to kCompactSlack
/// elements after them are overwritten.
Copied copy_below(Floats values, std::span<const std::uint32_t> indices, std::uint32_t high,
                  float* values_out, std::uint32_t* indices_out);

}  // namespace laconic::kernels
