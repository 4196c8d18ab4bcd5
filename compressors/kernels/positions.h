#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace laconic::kernels {

/// So many elements past the last position may be overwritten.
inline constexpr std::size_t kPositionSlack = 64;

/// Writes base + the positions of the ones in `words`, lowest bit first, to `out`, which has room
/// for all of them and kPositionSlack more; returns how many there are.
std::size_t positions_of_ones(std::span<const std::uint64_t> words, std::uint32_t base,
                              std::uint32_t* out);

struct Found {
  std::size_t words, ones;
};

/// The same for `n` words in memory of any alignment, as far as the one in which the number of ones
/// reaches `wanted`: up to 63 more than wanted.
Found find_ones(const std::byte* words, std::size_t n, std::size_t wanted, std::uint32_t base,
                std::uint32_t* out);

/// For each byte, the positions of its ones and then zeros.
inline constexpr auto kPositionsInByte = [] {
  std::array<std::array<std::uint8_t, 8>, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::size_t n = 0;
    for (std::uint8_t bit = 0; bit < 8; ++bit)
      if ((byte >> bit & 1) != 0) table[byte][n++] = bit;
  }
  return table;
}();

}  // namespace laconic::kernels
