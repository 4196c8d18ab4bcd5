#pragma once

#include <cstdint>
#include <span>

#include "base/rng.h"
#include "base/scratch.h"

namespace laconic {

/// out.size() different indices below `count`, ascending: each such set is equally likely, and
/// which one it is depends on the key alone.
void random_subset(const RngKey& key, std::size_t count, std::span<std::uint32_t> out,
                   Scratch& scratch);

}  // namespace laconic
