#pragma once

#include <cstdint>
#include <span>

#include "base/rng.h"

namespace laconic {

/// One unit of method time, the same on every rank.
struct Step {
  std::uint64_t index = 0;            ///< From 0.
  RngKey key;                         ///< Shared by all ranks; derive() the rest from it.
  std::span<const int> participants;  ///< Ranks that take part, ascending; empty: everyone.
};

}  // namespace laconic
