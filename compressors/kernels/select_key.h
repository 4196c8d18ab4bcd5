#pragma once

#include <cstdint>
#include <span>

/// The rank-th largest of keys, ranks from 1, by counting.
namespace laconic::kernels {

/// Some of the keys, and how many of all are larger than any of these.
struct Narrowed {
  std::span<std::uint32_t> keys;
  std::size_t above;
};

/// One round, of keys below 2^31: moves to the front those keys among which the ranks from `first`
/// to `last` are, as a rule a small part of them. The others are lost.
Narrowed narrow(std::span<std::uint32_t> keys, std::size_t first, std::size_t last);

struct RankedKey {
  std::uint32_t key;
  std::size_t above;  ///< How many keys are larger.
};

/// Rounds until one is left; loses the others.
RankedKey select_key(std::span<std::uint32_t> keys, std::size_t rank);

}  // namespace laconic::kernels
