#include "base/rng.h"

#include <xxhash.h>

#include <cmath>
#include <numbers>

namespace laconic {
namespace {

RngKey key_of(const void* data, std::size_t bytes) {
  const XXH128_hash_t hash = XXH3_128bits(data, bytes);
  return {hash.high64, hash.low64};
}

double to_unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

std::uint64_t join(std::uint32_t low, std::uint32_t high) {
  return static_cast<std::uint64_t>(high) << 32 | low;
}

}  // namespace

RngKey make_key(std::uint64_t seed, std::uint32_t rank, std::uint64_t step, RngPurpose purpose,
                std::uint64_t part) {
  const std::array<std::uint64_t, 5> words{seed, rank, step, static_cast<std::uint64_t>(purpose),
                                           part};
  return key_of(words.data(), sizeof words);
}

RngKey derive(const RngKey& key, std::uint64_t child) {
  const std::array<std::uint64_t, 3> words{key.hi, key.lo, child};
  return key_of(words.data(), sizeof words);
}

std::array<std::uint32_t, 4> philox(const RngKey& key, std::uint64_t i) {
  std::array<std::uint32_t, 4> c{static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32),
                                 static_cast<std::uint32_t>(key.hi),
                                 static_cast<std::uint32_t>(key.hi >> 32)};
  auto k0 = static_cast<std::uint32_t>(key.lo);
  auto k1 = static_cast<std::uint32_t>(key.lo >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * c[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(a)};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

std::uint64_t random_bits(const RngKey& key, std::uint64_t i) {
  const auto block = philox(key, i);
  return join(block[0], block[1]);
}

double uniform(const RngKey& key, std::uint64_t i) { return to_unit(random_bits(key, i)); }

std::uint64_t uniform_below(const RngKey& key, std::uint64_t i, std::uint64_t bound) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(Wide{random_bits(key, i)} * bound >> 64);
}

double normal(const RngKey& key, std::uint64_t i) {
  const auto block = philox(key, i);
  const double radius = std::sqrt(-2 * std::log1p(-to_unit(join(block[0], block[1]))));
  return radius * std::cos(2 * std::numbers::pi * to_unit(join(block[2], block[3])));
}

}  // namespace laconic
