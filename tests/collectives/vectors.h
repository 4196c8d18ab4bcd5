#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/hash.h"
#include "collectives/control.h"

/// Vectors that every rank can work out for every other, and agreement on them.
namespace laconic::test {

inline constexpr std::uint16_t kCheckChannel = 7;  ///< What tests say among themselves.

/// Around every boundary there is: none, fewer than ranks, a register, a cache line, a bucket.
inline constexpr std::size_t kAwkwardLengths[] = {0, 1, 2, 3, 5, 7, 8, 63, 64, 65, 1000, 65539};

/// Good enough a mixer (the finalizer of MurmurHash3), and fast under sanitizers.
inline std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccd;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53;
  return x ^ (x >> 33);
}

/// Small integers: any order of addition gives the same exact sum.
inline std::vector<float> integers(int rank, std::uint64_t step, std::size_t length) {
  const std::uint64_t seed = mixed(step * 1000 + rank);
  std::vector<float> out(length);
  for (std::size_t i = 0; i < length; ++i)
    out[i] = static_cast<float>(static_cast<int>(mixed(seed + i) % 33) - 16);
  return out;
}

/// Values of many magnitudes: another order of addition shows in the bits.
inline std::vector<float> floats(int rank, std::uint64_t step, std::size_t length) {
  const std::uint64_t seed = mixed(step * 1000 + rank + 500);
  std::vector<float> out(length);
  for (std::size_t i = 0; i < length; ++i) {
    const std::uint64_t bits = mixed(seed + i);
    const auto fraction = static_cast<float>(static_cast<int>(bits & 0xffffff) - (1 << 23));
    out[i] = fraction / static_cast<float>(1 << (bits >> 60));
  }
  return out;
}

inline std::vector<float> sum_of_integers(int ranks, std::uint64_t step, std::size_t length) {
  std::vector<float> sum(length);
  for (int r = 0; r < ranks; ++r) {
    const auto summand = integers(r, step, length);
    for (std::size_t i = 0; i < length; ++i) sum[i] += summand[i];
  }
  return sum;
}

/// `mine` of every rank, by rank. Collective.
template <typename T>
std::vector<T> from_every_rank(Transport& transport, const T& mine) {
  std::vector<T> all;
  for (const auto& bytes :
       allgather(transport, std::as_bytes(std::span(&mine, 1)), kCheckChannel)) {
    all.emplace_back();
    std::memcpy(&all.back(), bytes.data(), sizeof(T));
  }
  return all;
}

/// Whether all ranks hold the same bits. Collective.
inline bool same_on_every_rank(Transport& transport, Floats values) {
  const auto hashes = from_every_rank(transport, hash_of(values));
  return std::all_of(hashes.begin(), hashes.end(), [&](auto h) { return h == hashes[0]; });
}

}  // namespace laconic::test
