#pragma once

#include <cstdint>
#include <span>

#include "base/types.h"

namespace laconic {

/// Coordinates that a sparsifier keeps, ascending, and their values; borrowed from a Scratch.
struct Kept {
  std::span<const std::uint32_t> indices;
  Floats values;
};

/// What stays behind of each value that is sent: the value less what a reader makes of it.
using ValueLoss = void (*)(Floats values, MutFloats lost);

}  // namespace laconic
