#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

/// Fischer's enumeration of a pyramid (IEEE Transactions on Information Theory 32, 1986): the
/// integer vectors of n elements whose magnitudes sum up to K.
namespace laconic {

__extension__ using PyramidIndex = unsigned __int128;

inline constexpr std::size_t kMostElements = 64;
inline constexpr std::size_t kMostPulses = 40;  ///< 64 elements then have 2^123 vectors.

/// N(n, K) = N(n-1, K) + N(n-1, K-1) + N(n, K-1), how many there are.
inline constexpr auto kPyramidSize = [] {
  std::array<std::array<PyramidIndex, kMostPulses + 1>, kMostElements + 1> size{};
  for (std::size_t n = 0; n <= kMostElements; ++n)
    for (std::size_t k = 0; k <= kMostPulses; ++k)
      size[n][k] = k == 0 ? 1 : n == 0 ? 0 : size[n - 1][k] + size[n - 1][k - 1] + size[n][k - 1];
  return size;
}();

/// The least w with N(n, K) <= 2^w; 0 where there is nothing to tell.
constexpr unsigned pyramid_bits(std::size_t n, std::size_t pulses) {
  if (n == 0) return 0;
  const PyramidIndex most = kPyramidSize[n][pulses] - 1;
  const auto upper = static_cast<std::uint64_t>(most >> 64);
  return static_cast<unsigned>(upper != 0 ? 64 + std::bit_width(upper)
                                          : std::bit_width(static_cast<std::uint64_t>(most)));
}

/// Where `y` stands. The order goes by the first element, 0, 1, -1, 2, -2, ..., then by the next.
PyramidIndex pyramid_index(std::span<const int> y, std::size_t pulses);

/// The inverse; `index` is below N.
void pyramid_vector(PyramidIndex index, std::size_t pulses, std::span<int> y);

}  // namespace laconic
