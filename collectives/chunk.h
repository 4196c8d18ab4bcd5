#pragma once

#include "base/types.h"

namespace laconic {

/// Part `i` of `count` elements cut into `parts` nearly equal ones: the first ones are longer by
/// one where it does not come out even, and the last ones empty where there are more parts than
/// elements.
inline Slice chunk(std::size_t count, std::size_t parts, std::size_t i) {
  const std::size_t length = count / parts, longer = count % parts;
  return {i * length + (i < longer ? i : longer), length + (i < longer ? 1 : 0)};
}

}  // namespace laconic
