#pragma once

#include <xxhash.h>

#include <cstdint>

#include "base/types.h"

namespace laconic {

/// XXH3, 64 bits: for equality of replicas and torn files, not against an adversary.
inline std::uint64_t hash_of(Bytes bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }
inline std::uint64_t hash_of(Floats values) { return hash_of(std::as_bytes(values)); }

}  // namespace laconic
