#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "base/rng.h"

namespace laconic::kernels {

/// The words of a key in order, lower halves first, as numbers of 16 bits. They are made ahead, in
/// longer and longer runs.
class RandomStream {
 public:
  explicit RandomStream(const RngKey& key) : key_(key) {}

  /// The next ones: at least one, at most `most`, which is not zero; gone with the next call. Three
  /// more may be read, which mean nothing.
  std::span<const std::uint16_t> next(std::size_t most) {
    if (next_ == end_) refill();
    const std::span numbers(&numbers_[next_], std::min(most, end_ - next_));
    next_ += numbers.size();
    return numbers;
  }

 private:
  void refill();

  static constexpr std::size_t kAhead = 4096;

  RngKey key_;
  std::uint64_t block_ = 0;
  std::size_t next_ = 0, end_ = 0;
  alignas(64) std::array<std::uint16_t, kAhead + 3> numbers_;
};

}  // namespace laconic::kernels
