#include "compressors/pyramid_index.h"

#include <algorithm>
#include <cstdlib>

namespace laconic {

// Of the vectors that agree so far, those with 0 here come first, N(rest, left) of them; then those
// with 1, N(rest, left - 1), with -1, as many, and so on.
PyramidIndex pyramid_index(std::span<const int> y, std::size_t pulses) {
  PyramidIndex index = 0;
  std::size_t left = pulses;
  for (std::size_t i = 0; i < y.size() && left > 0; ++i) {
    const auto& size = kPyramidSize[y.size() - i - 1];
    if (y[i] == 0) continue;
    const auto magnitude = static_cast<std::size_t>(std::abs(y[i]));
    index += size[left];
    for (std::size_t below = 1; below < magnitude; ++below) index += 2 * size[left - below];
    left -= magnitude;
    if (y[i] < 0) index += size[left];
  }
  return index;
}

void pyramid_vector(PyramidIndex index, std::size_t pulses, std::span<int> y) {
  std::size_t left = pulses;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const auto& size = kPyramidSize[y.size() - i - 1];
    y[i] = 0;
    if (index < size[left]) continue;
    index -= size[left];
    int magnitude = 1;
    --left;
    for (; index >= 2 * size[left]; --left, ++magnitude) index -= 2 * size[left];
    const bool negative = index >= size[left];
    if (negative) index -= size[left];
    y[i] = negative ? -magnitude : magnitude;
  }
}

}  // namespace laconic
