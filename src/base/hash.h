#pragma once

#include <cstddef>
#include <cstdint>

#include "base/types.h"

namespace laconic {

/// XXH3, 64 bits: for equality of replicas and torn files, not against an adversary.
std::uint64_t hash_of(Bytes bytes);
inline std::uint64_t hash_of(Floats values) { return hash_of(std::as_bytes(values)); }

/// The same of bytes that come one part after another.
class Hasher {
 public:
  Hasher();
  void add(Bytes bytes);
  std::uint64_t hash() const;

 private:
  alignas(64) std::byte state_[576];
};

}  // namespace laconic
