#pragma once

#include <cstdint>

#include "base/rng.h"

/// Uniform numbers below a bound from words of 32 bits, by multiply-shift without bias: a number is
/// the upper half of the product of word and bound, and words whose product has a lower half below
/// 2^32 mod bound are not used (Lemire, ACM TOMACS 2019).
namespace laconic::kernels {

inline constexpr std::uint32_t kRejected = 0xffffffff;

/// 2^32 mod bound.
constexpr std::uint32_t uneven_words(std::uint32_t bound) { return -bound % bound; }

/// kRejected if the word is not to be used.
constexpr std::uint32_t uniform_number(std::uint32_t word, std::uint32_t bound) {
  const std::uint64_t product = std::uint64_t{word} * bound;
  return static_cast<std::uint32_t>(product) < uneven_words(bound)
             ? kRejected
             : static_cast<std::uint32_t>(product >> 32);
}

/// From word `stratum` of the stream; where that one is not to be used, from the first of those
/// that begin the blocks of derive(key, stratum).
inline std::uint32_t uniform_in_stratum(const RngKey& key, std::size_t stratum,
                                        std::uint32_t size) {
  std::uint32_t number = uniform_number(philox(key, stratum / 4)[stratum % 4], size);
  for (std::uint64_t i = 0; number == kRejected; ++i)
    number = uniform_number(philox(derive(key, stratum), i)[0], size);
  return number;
}

}  // namespace laconic::kernels
