#pragma once

#include <cstdint>

#include "compressors/kernels/random_stream.h"

/// Uniform numbers below a bound from words of some bits, by multiply-shift without bias: a number
/// is the upper part of the product of word and bound, and words whose product has a lower part
/// below 2^bits mod bound are not used (Lemire, ACM TOMACS 2019).
namespace laconic::kernels {

class Uniform {
 public:
  static constexpr std::uint32_t kUnused = 0xffffffff;

  /// At most 32 bits, and a bound of at most 2^bits.
  Uniform(std::uint32_t bound, unsigned bits)
      : bound_(bound),
        bits_(bits),
        uneven_(static_cast<std::uint32_t>((std::uint64_t{1} << bits) % bound)) {}

  std::uint32_t bound() const { return bound_; }
  std::uint32_t uneven() const { return uneven_; }

  /// kUnused if the word is not to be used.
  std::uint32_t operator()(std::uint32_t word) const {
    const std::uint64_t product = std::uint64_t{word} * bound_;
    const std::uint64_t lower = product & ((std::uint64_t{1} << bits_) - 1);
    return lower < uneven_ ? kUnused : static_cast<std::uint32_t>(product >> bits_);
  }

 private:
  std::uint32_t bound_;
  unsigned bits_;
  std::uint32_t uneven_;
};

/// The next two numbers as one.
inline std::uint32_t next_word(RandomStream& stream) {
  return static_cast<std::uint32_t>(stream.bits(2));
}

/// The words of a key, one after another, for those whose own word is not to be used.
class Reserve {
 public:
  explicit Reserve(const RngKey& key) : stream_(key) {}

  std::uint32_t below(std::uint32_t bound) {
    const Uniform uniform(bound, 32);
    std::uint32_t number = Uniform::kUnused;
    while (number == Uniform::kUnused) number = uniform(next_word(stream_));
    return number;
  }

  /// `number`, if there is one.
  std::uint32_t unless(std::uint32_t number, std::uint32_t bound) {
    return number != Uniform::kUnused ? number : below(bound);
  }

 private:
  RandomStream stream_;
};

}  // namespace laconic::kernels
