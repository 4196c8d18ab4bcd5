#pragma once

#include <cstddef>

#include "base/types.h"

namespace laconic {

/// A frame's bytes by what they say.
struct Split {
  std::size_t values = 0;
  std::size_t indices = 0;
  std::size_t framing = 0;

  std::size_t total() const { return values + indices + framing; }
};

/// From the frame's header, in constant time: what the ledger asks. Bytes that are no frame count
/// as framing.
Split split(Bytes frame) noexcept;

}  // namespace laconic
