#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

/// Rice code as one would write it for one lane, each gap's quotient and lower bits next to each
/// other in one stream, through a 64-bit buffer: what the split streams of wire/rice.h are timed
/// against.
namespace laconic::plain_rice {

/// `out` has room for the code and 8 bytes; returns the code's length.
inline std::size_t encode(std::span<const std::uint32_t> indices, unsigned shift, std::byte* out) {
  const std::byte* const begin = out;
  std::uint64_t held = 0;
  unsigned bits = 0;
  const auto flush = [&] {
    std::memcpy(out, &held, 8);
    out += bits / 8;
    held >>= bits / 8 * 8;
    bits %= 8;
  };
  std::uint32_t next = 0;
  const std::uint32_t mask = (std::uint32_t{1} << shift) - 1;
  for (const std::uint32_t index : indices) {
    const std::uint32_t gap = index - next;
    std::uint32_t quotient = gap >> shift;
    next = index + 1;
    for (; quotient > 24; quotient -= 24) bits += 24, flush();
    held |= ((std::uint64_t{gap & mask} << 1 | 1) << quotient) << bits;
    bits += quotient + 1 + shift;
    flush();
  }
  std::memcpy(out, &held, 8);
  return static_cast<std::size_t>(out - begin) + (bits + 7) / 8;
}

/// `in` goes on for 8 bytes after the code.
inline void decode(const std::byte* in, unsigned shift, std::span<std::uint32_t> indices) {
  const std::uint32_t mask = (std::uint32_t{1} << shift) - 1;
  std::uint64_t at = 0;  // in bits
  std::uint32_t next = 0;
  const auto held = [&] {
    std::uint64_t word;
    std::memcpy(&word, in + at / 8, 8);
    return word >> at % 8;
  };
  for (std::uint32_t& index : indices) {
    std::uint32_t quotient = 0;
    std::uint64_t word = held();
    while ((word & 0xffffff) == 0) {
      quotient += 24, at += 24;
      word = held();
    }
    const auto zeros = static_cast<unsigned>(std::countr_zero(word));
    // 24 zeros, a one and 29 bits fit the 57 that are there.
    index = next + ((quotient + zeros) << shift |
                    (static_cast<std::uint32_t>(word >> (zeros + 1)) & mask));
    at += zeros + 1 + shift;
    next = index + 1;
  }
}

}  // namespace laconic::plain_rice
