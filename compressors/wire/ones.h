#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/types.h"
#include "compressors/kernels/positions.h"

namespace laconic::wire {

/// Where the ones are in a run of bits, in pieces: of a bitmap, and of numbers in unary.
class OnesReader {
 public:
  static constexpr std::size_t kPiece = 512;

  OnesReader() = default;

  /// `bits` has fewer than 2^32 of them.
  explicit OnesReader(Bytes bits) : bits_(bits) {}

  /// The positions of the next `n` ones, at most kPiece, or of as many as there are; valid until
  /// the next call. The element before the first is the position before it, at the begin -1, and
  /// as many after the last as fill up 16 may be read.
  std::span<const std::uint32_t> next(std::size_t n);

 private:
  Bytes bits_;
  std::size_t word_ = 0;              // the first that has not been looked at
  std::size_t used_ = 0, found_ = 0;  // of ones_, beside the one before
  std::array<std::uint32_t, 1 + kPiece + 64 + kernels::kPositionSlack> ones_{0xffffffff};
};

}  // namespace laconic::wire
