#include "compressors/kernels/select_key.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

namespace laconic::kernels {

// The range that the keys span is cut into up to 4,096 bins; a count tells which of them hold the
// ranks. The range is measured anew in each round, so keys that share their upper bits cost no more
// rounds than others: three at most, as each takes 12 of 32 bits.
Narrowed narrow(std::span<std::uint32_t> keys, std::size_t first, std::size_t last) {
  constexpr int kBinBits = 12;
  std::array<std::uint32_t, std::size_t{1} << kBinBits> counts;
  // Two loops that any compiler turns into vector code; keys are below 2^31.
  std::int32_t least_key = std::numeric_limits<std::int32_t>::max(), most_key = 0;
  for (const std::uint32_t key : keys) least_key = std::min(least_key, static_cast<int>(key));
  for (const std::uint32_t key : keys) most_key = std::max(most_key, static_cast<int>(key));
  const auto least = static_cast<std::uint32_t>(least_key);
  const auto most = static_cast<std::uint32_t>(most_key);
  const int shift = std::max(0, static_cast<int>(std::bit_width(most - least)) - kBinBits);
  const std::size_t bins = ((most - least) >> shift) + 1;
  std::fill_n(counts.begin(), bins, 0);
  for (const std::uint32_t key : keys) ++counts[(key - least) >> shift];

  std::size_t upper = bins - 1, above = 0;
  for (; above + counts[upper] < first; --upper) above += counts[upper];
  std::size_t lower = upper, reached = above + counts[upper];
  while (reached < last) reached += counts[--lower];

  const std::uint32_t from = least + static_cast<std::uint32_t>(lower << shift);
  const std::uint64_t width = (upper - lower + 1) << shift;
  std::size_t kept = 0;
  for (const std::uint32_t key : keys) {
    keys[kept] = key;  // never ahead of where we read
    kept += key - from < width ? 1 : 0;
  }
  return {keys.first(kept), above};
}

RankedKey select_key(std::span<std::uint32_t> keys, std::size_t rank) {
  std::size_t above = 0;
  while (true) {
    const Narrowed round = narrow(keys, rank, rank);
    above += round.above;
    rank -= round.above;
    // Nothing went: all are equal.
    if (round.keys.size() == keys.size()) return {keys.front(), above};
    keys = round.keys;
  }
}

}  // namespace laconic::kernels
