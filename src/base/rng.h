#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// Random values without state: value i of a stream is a function of (key, i) alone, so that ranks,
/// threads, SIMD lanes and resumed runs agree on it in whatever order they ask.
namespace laconic {

struct RngKey {
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;

  friend bool operator==(const RngKey&, const RngKey&) = default;
};

/// What a stream is for. Values are part of what runs promise to reproduce: append, never renumber.
enum class RngPurpose : std::uint32_t {
  initialize = 1,
  sample = 2,
  dropout = 3,
  compress = 4,
  partition = 5,
  problem = 6,
  participants = 7,
  coin = 8,
  federated = 9,
  test = 10,
  compress_down = 11,
};

inline constexpr std::uint32_t kEveryRank = 0xffffffff;

/// The key of the stream for (seed, rank, step, purpose, part). Streams that all ranks share pass
/// kEveryRank. `part` tells streams of one purpose apart: a bucket's first element, an epoch.
RngKey make_key(std::uint64_t seed, std::uint32_t rank, std::uint64_t step, RngPurpose purpose,
                std::uint64_t part = 0);

/// A stream below `key`, unrelated to it and to its other children.
RngKey derive(const RngKey& key, std::uint64_t child);

/// Block i of the stream: four independent 32-bit values. Philox4x32-10 (Salmon et al., SC 2011)
/// with key.lo as its key and (i, key.hi) as its counter.
std::array<std::uint32_t, 4> philox(const RngKey& key, std::uint64_t i);

/// Value i as 64 random bits: the first half of block i.
std::uint64_t random_bits(const RngKey& key, std::uint64_t i);

/// Value i, uniform in [0, 1) with 53 bits.
double uniform(const RngKey& key, std::uint64_t i);

/// Value i, uniform in [0, bound), by multiply-shift: bias below bound / 2^64.
std::uint64_t uniform_below(const RngKey& key, std::uint64_t i, std::uint64_t bound);

/// Value i, standard normal (Box-Muller on block i).
double normal(const RngKey& key, std::uint64_t i);

}  // namespace laconic
