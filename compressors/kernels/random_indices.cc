#include "compressors/kernels/random_indices.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/random_indices.cc"
#include <hwy/foreach_target.h>

#include <algorithm>
#include <bit>

#include "compressors/kernels/philox-inl.h"
#include "compressors/kernels/uniform.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

constexpr std::size_t kGroup = 32;  // words at a time

// Words times a bound, as Lanes of 32 bits in the order of the words: the upper halves are uniform
// numbers below the bound, if the lower halves say so.
struct Scaled {
  U32 upper, lower;
};
HWY_INLINE Scaled scaled(const U64& words, std::uint32_t bound) {
  const U64 even = multiply_low(words, bound), odd = multiply_low(shift_right<32>(words), bound);
  const U64 mask = splat<std::uint64_t>(0xffffffff);
  return {as_words(shift_right<32>(even) | (odd & splat<std::uint64_t>(0xffffffff00000000))),
          as_words((even & mask) | shift_left<32>(odd))};
}

// `groups` times 32 numbers below `bound` from block `first` on; kRejected where a word is not to
// be used.
void uniform_numbers(const RngKey& key, std::uint64_t first, std::size_t groups,
                     std::uint32_t bound, std::uint32_t* out) {
  const U64 blocks = lane_blocks();
  const std::uint32_t uneven = uneven_words(bound);
  for (std::size_t g = 0; g < groups; ++g, out += kGroup) {
    const RandomWords words = random_words(key, first + kGroup / 4 * g, blocks);
    const Scaled a = scaled(words.lower, bound), b = scaled(words.upper, bound);
    store(a.upper, out), store(b.upper, out + kLanes);
    if (HWY_LIKELY(!any_below(min(a.lower, b.lower), uneven))) continue;
    std::uint32_t lower[kGroup];
    store(a.lower, lower), store(b.lower, lower + kLanes);
    for (std::size_t i = 0; i < kGroup; ++i)
      if (lower[i] < uneven) out[i] = kRejected;
  }
}

// Of `groups` times 32 strata of `size` from number `stratum` on, a multiple of 32, the first of
// which begins at `base`.
void uniform_of_strata(const RngKey& key, std::size_t stratum, std::size_t groups,
                       std::uint32_t size, std::uint32_t base, std::uint32_t* out) {
  const U64 blocks = lane_blocks();
  const std::uint32_t uneven = uneven_words(size);
  std::uint32_t begins[kLanes];
  for (std::uint32_t i = 0; i < kLanes; ++i) begins[i] = base + i * size;
  U32 begin = load(begins);
  const U32 step = splat(static_cast<std::uint32_t>(kLanes * size));
  for (std::size_t g = 0; g < groups; ++g, out += kGroup) {
    const RandomWords words = random_words(key, (stratum + kGroup * g) / 4, blocks);
    const Scaled a = scaled(words.lower, size), b = scaled(words.upper, size);
    store(begin + a.upper, out);
    begin = begin + step;
    store(begin + b.upper, out + kLanes);
    begin = begin + step;
    if (HWY_LIKELY(!any_below(min(a.lower, b.lower), uneven))) continue;
    for (std::size_t i = kGroup * g; i < kGroup * (g + 1); ++i)
      out[i - kGroup * g] =
          base + static_cast<std::uint32_t>(i) * size + uniform_in_stratum(key, stratum + i, size);
  }
}

// The positions of ones in marks ^ flip, at most `room` of them. Most words have few: four are
// taken without asking whether they are there, since guessing wrong costs more.
void list_marked(const std::uint64_t* marks, std::size_t words, std::uint64_t flip,
                 std::uint32_t* out, std::size_t room) {
  std::size_t n = 0;
  const auto put = [out](std::size_t at, std::size_t word, std::uint64_t& left) HWY_ATTR {
    out[at] = static_cast<std::uint32_t>(64 * word + std::countr_zero(left));
    left &= left - 1;
  };
  for (std::size_t w = 0; w < words && n < room; ++w) {
    std::uint64_t left = marks[w] ^ flip;
    std::size_t end = n + std::popcount(left);
    if (n + 4 <= room) {
      for (std::size_t i = 0; i < 4; ++i) put(n + i, w, left);
      n = std::min(n + 4, end);
    }
    for (end = std::min(end, room); n < end; ++n) put(n, w, left);
  }
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <array>

#include "base/check.h"

namespace laconic {
namespace kernels {

HWY_EXPORT(uniform_numbers);
HWY_EXPORT(uniform_of_strata);
HWY_EXPORT(list_marked);

}  // namespace kernels

namespace {

// Draws from a uniform stream until `wanted` different numbers below `count` are marked. By
// symmetry each set is equally likely. It goes in rounds: a round draws as many words as numbers
// are missing, so it cannot draw one too many, and the order within a round does not matter. Words
// that may not be used are missing in the next round.
void mark_random(const RngKey& key, std::uint32_t count, std::size_t wanted,
                 std::span<std::uint64_t> marks) {
  using namespace kernels;
  constexpr std::size_t kPiece = 1024;
  std::array<std::uint32_t, kPiece> numbers;
  std::uint64_t block = 0;
  for (std::size_t missing = wanted; missing > 0;) {
    std::size_t fresh = 0;
    for (std::size_t drawn = 0; drawn < missing; drawn += kPiece) {
      const std::size_t n = std::min(kPiece, missing - drawn);
      HWY_DYNAMIC_DISPATCH(uniform_numbers)
      (key, block + drawn / 4, (n + 31) / 32, count, numbers.data());
      for (const std::uint32_t number : std::span(numbers).first(n)) {
        if (number == kRejected) continue;
        const std::uint64_t word = marks[number / 64],
                            marked = word | std::uint64_t{1} << number % 64;
        fresh += word != marked ? 1 : 0;
        marks[number / 64] = marked;
      }
    }
    block += (missing + 3) / 4;
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
  using namespace kernels;
  HWY_DYNAMIC_DISPATCH(list_marked)
  (marks.data(), marks.size(), complement ? ~std::uint64_t{0} : 0, out.data(), out.size());
}

void random_of_strata(const RngKey& key, std::size_t count, std::span<std::uint32_t> out) {
  using namespace kernels;
  if (out.empty()) return;
  check(out.size() <= count, "no more strata than elements");
  const Strata strata(count, out.size());
  std::uint32_t base = 0;
  // One run of strata of each size; whole groups of words by the kernel, what is left one by one.
  for (std::size_t j = 0; j < out.size();) {
    const std::uint32_t size = strata.size_of(j);
    const std::size_t end = j < strata.larger ? strata.larger : out.size();
    const std::size_t groups = j % 32 == 0 ? (end - j) / 32 : 0;
    if (groups > 0) {
      HWY_DYNAMIC_DISPATCH(uniform_of_strata)(key, j, groups, size, base, &out[j]);
      base += static_cast<std::uint32_t>(32 * groups) * size;
      j += 32 * groups;
    } else {
      out[j] = base + uniform_in_stratum(key, j, size);
      base += size;
      ++j;
    }
  }
}

}  // namespace laconic
#endif  // HWY_ONCE
