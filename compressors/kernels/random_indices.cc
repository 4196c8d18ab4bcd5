#include "compressors/kernels/random_indices.h"

#include <algorithm>
#include <bit>

namespace laconic {
namespace {

// Draws from a uniform stream until `wanted` different numbers below `count` are marked. By
// symmetry each set is equally likely. It goes in rounds: a round draws as many words as numbers
// are missing, so it cannot draw one too many, and the order within a round does not matter. A word
// is a uniform number by multiply-shift; the few words that would favour some numbers are dropped
// (Lemire, ACM TOMACS 2019) and missing in the next round.
void mark_random(const RngKey& key, std::uint32_t count, std::size_t wanted,
                 std::span<std::uint64_t> marks) {
  const std::uint32_t uneven = -count % count;  // 2^32 mod count
  std::uint64_t block = 0;
  for (std::size_t missing = wanted; missing > 0;) {
    std::size_t fresh = 0;
    for (std::size_t drawn = 0; drawn < missing; drawn += 4) {
      const auto words = philox(key, block++);
      for (std::size_t w = 0; w < std::min<std::size_t>(4, missing - drawn); ++w) {
        const std::uint64_t product = std::uint64_t{words[w]} * count;
        if (static_cast<std::uint32_t>(product) < uneven) continue;
        const std::uint64_t number = product >> 32, bit = std::uint64_t{1} << number % 64;
        fresh += (marks[number / 64] & bit) == 0 ? 1 : 0;
        marks[number / 64] |= bit;
      }
    }
    missing -= fresh;
  }
}

}  // namespace

void random_subset(const RngKey& key, std::size_t count, std::span<std::uint32_t> out,
                   Scratch& scratch) {
  if (out.empty()) return;
  const Scratch::Scope scope(scratch);
  const auto marks = scratch.take<std::uint64_t>((count + 63) / 64);
  std::ranges::fill(marks, 0);
  // Of more than half, those left out are drawn.
  const bool complement = out.size() > count / 2;
  mark_random(key, static_cast<std::uint32_t>(count), complement ? count - out.size() : out.size(),
              marks);
  std::size_t n = 0;
  for (std::size_t w = 0; w < marks.size(); ++w) {
    std::uint64_t left = complement ? ~marks[w] : marks[w];
    for (; left != 0 && n < out.size(); left &= left - 1)
      out[n++] = static_cast<std::uint32_t>(64 * w + std::countr_zero(left));
  }
}

}  // namespace laconic
