#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/rng.h"

namespace laconic::kernels {

/// The words of a key in order, lower halves first, as numbers of 16 bits. They are made ahead, in
/// longer and longer runs.
class RandomStream {
 public:
  explicit RandomStream(const RngKey& key) : key_(key) {}

  /// The next ones: at least one, at most `most`, which is not zero; gone with the next call.
  std::span<const std::uint16_t> next(std::size_t most) {
    if (next_ == end_) refill();
    const std::span numbers(&numbers_[next_], std::min(most, end_ - next_));
    next_ += numbers.size();
    return numbers;
  }

  /// The next n, at most four, one above the other; what is above them means nothing.
  std::uint64_t bits(std::size_t n) {
    std::uint64_t word = 0;
    if (end_ - next_ >= n) {
      std::memcpy(&word, &numbers_[next_], sizeof word);
      next_ += n;
    } else {
      for (std::size_t i = 0; i < n; ++i) word |= std::uint64_t{next(1)[0]} << 16 * i;
    }
    return word;
  }

 private:
  void refill();

  static constexpr std::size_t kAhead = 4096;

  RngKey key_;
  std::uint64_t block_ = 0;
  std::size_t next_ = 0, end_ = 0;
  alignas(64) std::array<std::uint16_t, kAhead + 3> numbers_;  // as far as bits() reads
};

}  // namespace laconic::kernels
