#pragma once

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "base/types.h"
#include "compressors/wire/endian.h"

/// Numbers of any width up to 32 bits, one after another, lowest bit first.
namespace laconic::wire {

constexpr std::size_t bytes_for_bits(std::uint64_t bits) { return (bits + 7) / 8; }

class BitWriter {
 public:
  /// `out` is long enough for all that will be put.
  explicit BitWriter(MutBytes out) : out_(out) {}

  /// `value` is below 2^width.
  void put(std::uint32_t value, unsigned width) {
    held_ |= std::uint64_t{value} << bits_;
    bits_ += width;
    for (; bits_ >= 8; bits_ -= 8, held_ >>= 8) out_[at_++] = static_cast<std::byte>(held_);
  }

  /// Writes what is left, filled up with zeros; the number of bytes in all.
  std::size_t finish() {
    if (bits_ > 0) out_[at_++] = static_cast<std::byte>(held_);
    bits_ = 0;
    return at_;
  }

 private:
  MutBytes out_;
  std::size_t at_ = 0;
  std::uint64_t held_ = 0;
  unsigned bits_ = 0;
};

class BitReader {
 public:
  /// Begins at bit `begin` of `in`.
  explicit BitReader(Bytes in, std::uint64_t begin = 0) : in_(in), at_(begin / 8) {
    if (begin % 8 != 0) get(static_cast<unsigned>(begin % 8));
  }

  /// Who calls has checked that the bits are there.
  std::uint32_t get(unsigned width) {
    for (; bits_ < width; bits_ += 8)
      held_ |= std::uint64_t{load<std::uint8_t>(&in_[at_++])} << bits_;
    const auto value = static_cast<std::uint32_t>(held_ & ((std::uint64_t{1} << width) - 1));
    held_ >>= width;
    bits_ -= width;
    return value;
  }

 private:
  Bytes in_;
  std::size_t at_;
  std::uint64_t held_ = 0;
  unsigned bits_ = 0;
};

}  // namespace laconic::wire
