#include "compressors/pyramid_index.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

namespace laconic {

// Of the vectors that agree so far, those with 0 here come first, N(rest, left) of them; then those
// with 1, N(rest, left - 1), with -1, as many, and so on. Up to a magnitude m, and with both signs,
// by what N is a sum of, these are N(rest + 1, left) - N(rest + 1, left - m) + N(rest, left - m).
PyramidIndex pyramid_index(std::span<const int> y, std::size_t pulses) {
  // Listed without asking, since which elements are zeros cannot be guessed.
  std::array<std::uint8_t, kMostElements + 1> places;
  std::size_t count = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    places[count] = static_cast<std::uint8_t>(i);
    count += y[i] != 0 ? 1 : 0;
  }
  PyramidIndex index = 0;
  std::size_t left = pulses;
  for (const std::uint8_t i : std::span(places).first(count)) {
    const std::size_t rest = y.size() - i - 1;
    const std::size_t after = left - static_cast<std::size_t>(std::abs(y[i]));
    const PyramidIndex each = kPyramidSize[rest][after];
    index += kPyramidSize[rest + 1][left] - kPyramidSize[rest + 1][after] - (y[i] > 0 ? each : 0);
    left = after;
  }
  return index;
}

void pyramid_vector(PyramidIndex index, std::size_t pulses, std::span<int> y) {
  std::ranges::fill(y, 0);
  std::size_t left = pulses, rest = y.size();
  while (left > 0) {
    // How many zeros there are cannot be guessed: looked at four at a time.
    for (std::size_t zeros = 4; zeros == 4; rest -= zeros) {
      zeros = 0;
      for (std::size_t ahead = 1; ahead <= 4; ++ahead)
        zeros += index < kPyramidSize[rest > ahead ? rest - ahead : 0][left] ? 1 : 0;
    }
    const auto& size = kPyramidSize[--rest];
    index -= size[left];
    int magnitude = 1;
    for (--left; index >= 2 * size[left]; --left, ++magnitude) index -= 2 * size[left];
    const bool negative = index >= size[left];
    index -= negative ? size[left] : 0;
    y[y.size() - 1 - rest] = negative ? -magnitude : magnitude;
  }
}

}  // namespace laconic
