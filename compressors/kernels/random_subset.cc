// A subset by the rule of compressors/README.md.
//
// Numbers come in no order. Each gets a mark in a bitmap of the whole vector, from which they are
// listed in order; the lines of it that a piece of numbers needs are asked for while the next piece
// is drawn. Where hundreds of coordinates come on one that is drawn, it is the bitmap that costs,
// and the numbers are sorted instead.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/random_subset.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

// The lowest one of `left`, which is then gone; a number of no meaning if there is none.
HWY_INLINE std::uint32_t take_one(std::size_t word, std::uint64_t& left) {
#if HWY_TARGET == HWY_SCALAR
  const auto bit = static_cast<std::size_t>(std::countr_zero(left));
#else
  const std::size_t bit = _tzcnt_u64(left);
#endif
  left &= left - 1;
  return static_cast<std::uint32_t>(64 * word + bit);
}

// The positions of ones in marks ^ flip, at most `room` of them. Of each word kAtOnce are taken
// without asking whether they are there, since guessing wrong costs more.
template <std::size_t kAtOnce>
HWY_INLINE void list_at_once(const std::uint64_t* marks, std::size_t words, std::uint64_t flip,
                             std::uint32_t* out, std::size_t room) {
  std::size_t n = 0, w = 0;
  for (; w < words && n + 64 <= room; ++w) {
    std::uint64_t left = marks[w] ^ flip;
    const auto ones = static_cast<std::size_t>(std::popcount(left));
    for (std::size_t i = 0; i < kAtOnce; ++i) out[n + i] = take_one(w, left);
    for (std::size_t i = kAtOnce; i < ones; ++i) out[n + i] = take_one(w, left);
    n += ones;
  }
  for (; w < words && n < room; ++w)
    for (std::uint64_t left = marks[w] ^ flip; left != 0 && n < room;) out[n++] = take_one(w, left);
}

void list_marked(const std::uint64_t* marks, std::size_t words, std::uint64_t flip,
                 std::uint32_t* out, std::size_t room) {
  // What all but a few words have at most.
  const double mean = static_cast<double>(room) / static_cast<double>(words);
  const double most = mean + 1.7 * std::sqrt(mean);
  if (most <= 2) return list_at_once<2>(marks, words, flip, out, room);
  if (most <= 4) return list_at_once<4>(marks, words, flip, out, room);
  if (most <= 8) return list_at_once<8>(marks, words, flip, out, room);
  if (most <= 16) return list_at_once<16>(marks, words, flip, out, room);
  list_at_once<32>(marks, words, flip, out, room);
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <array>
#include <numeric>

#include "compressors/kernels/random_indices.h"
#include "compressors/kernels/uniform.h"
#include "compressors/kernels/uniform_numbers.h"

namespace laconic {
namespace kernels {

HWY_EXPORT(list_marked);

}  // namespace kernels

namespace {

using namespace kernels;

using Indices = std::span<std::uint32_t>;

// The words of a key, round by round.
class Draws {
 public:
  static constexpr std::size_t kPiece = 512;

  Draws(const RngKey& key, std::size_t count)
      : key_(key), bound_(static_cast<std::uint32_t>(count)) {}

  // Calls visit(numbers) with the numbers of `words` words in pieces; where a word is not to be
  // used stands kRejected. A piece is there until the next but one is drawn.
  template <typename Visit>
  void round(std::size_t words, const Visit& visit) {
    for (std::size_t drawn = 0; drawn < words; drawn += kPiece) {
      const std::size_t n = std::min(kPiece, words - drawn);
      auto& piece = pieces_[drawn / kPiece % pieces_.size()];
      uniform_numbers(key_, block_ + drawn / 4, (n + 31) / 32, bound_, piece.data());
      visit(Indices(piece).first(n));
    }
    block_ += (words + 3) / 4;
  }

 private:
  RngKey key_;
  std::uint32_t bound_;
  std::uint64_t block_ = 0;
  std::array<std::array<std::uint32_t, kPiece>, 2> pieces_;
};

// ------------------------------------------------------------------------------------ by a bitmap

// How many of the numbers were not marked before.
std::size_t mark(std::uint64_t* marks, Indices numbers) {
  std::size_t fresh = 0;
  for (const std::uint32_t number : numbers) {
    if (number == kRejected) continue;
    const std::uint64_t bit = std::uint64_t{1} << number % 64, before = marks[number / 64];
    marks[number / 64] = before | bit;
    fresh += (before & bit) == 0 ? 1 : 0;
  }
  return fresh;
}

void draw_by_bitmap(Draws& draws, std::size_t count, std::size_t wanted, bool complement,
                    Indices out, Scratch& scratch) {
  const auto marks = scratch.take<std::uint64_t>((count + 63) / 64);
  std::ranges::fill(marks, 0);
  for (std::size_t missing = wanted; missing > 0;) {
    Indices waiting;
    std::size_t fresh = 0;
    draws.round(missing, [&](Indices numbers) {
      for (const std::uint32_t number : numbers)
        __builtin_prefetch(marks.data() + number / 64, 1);  // of kRejected nothing comes
      fresh += mark(marks.data(), waiting);
      waiting = numbers;
    });
    missing -= fresh + mark(marks.data(), waiting);
  }
  HWY_DYNAMIC_DISPATCH(list_marked)
  (marks.data(), marks.size(), complement ? ~std::uint64_t{0} : 0, out.data(), out.size());
}

// ------------------------------------------------------------------------------------- by sorting

// By `digit` bits at a time, lowest first, in two passes; `spare` is as long.
void sort_numbers(Indices numbers, Indices spare, unsigned bits, Scratch& scratch) {
  if (numbers.size() < 1024) {
    std::ranges::sort(numbers);
    return;
  }
  const Scratch::Scope scope(scratch);
  const unsigned digit = (bits + 1) / 2;
  const std::uint32_t mask = (1u << digit) - 1;
  const auto low = scratch.take<std::uint32_t>(mask + 1),
             high = scratch.take<std::uint32_t>(mask + 1);
  std::ranges::fill(low, 0), std::ranges::fill(high, 0);
  for (const std::uint32_t number : numbers) ++low[number & mask], ++high[number >> digit];
  std::exclusive_scan(low.begin(), low.end(), low.begin(), 0u);
  std::exclusive_scan(high.begin(), high.end(), high.begin(), 0u);
  for (const std::uint32_t number : numbers) spare[low[number & mask]++] = number;
  for (const std::uint32_t number : spare.first(numbers.size()))
    numbers[high[number >> digit]++] = number;
}

void draw_by_sorting(Draws& draws, std::size_t count, Indices out, Scratch& scratch) {
  const auto bits = static_cast<unsigned>(std::bit_width(count - 1));
  const auto fresh = scratch.take<std::uint32_t>(out.size());
  const auto spare = scratch.take<std::uint32_t>(out.size());
  for (std::size_t done = 0; done < out.size();) {
    std::size_t n = 0;
    draws.round(out.size() - done, [&](Indices numbers) {
      for (const std::uint32_t number : numbers) {
        fresh[n] = number;
        n += number != kRejected ? 1 : 0;
      }
    });
    sort_numbers(fresh.first(n), spare, bits, scratch);
    // Into a round that is sorted already, those go that are not in it; from the second round on
    // they are few.
    const auto is_known = [&](std::uint32_t number) {
      return std::ranges::binary_search(out.first(done), number);
    };
    const auto unique = std::unique(fresh.begin(), fresh.begin() + static_cast<std::ptrdiff_t>(n));
    const auto end = done == 0 ? unique : std::remove_if(fresh.begin(), unique, is_known);
    const auto added = static_cast<std::size_t>(end - fresh.begin());
    std::copy(fresh.begin(), end, out.begin() + static_cast<std::ptrdiff_t>(done));
    const auto middle = out.begin() + static_cast<std::ptrdiff_t>(done);
    std::inplace_merge(out.begin(), middle, middle + static_cast<std::ptrdiff_t>(added));
    done += added;
  }
}

}  // namespace

// By symmetry each set is equally likely. A round draws as many words as numbers are missing, so it
// cannot draw one too many, and the order within a round does not matter. Words that may not be
// used are missing in the next round.
void random_subset(const RngKey& key, std::size_t count, std::span<std::uint32_t> out,
                   Scratch& scratch) {
  if (out.empty()) return;
  const Scratch::Scope scope(scratch);
  Draws draws(key, count);
  constexpr std::size_t kSparse = 300;
  if (out.size() < count / kSparse) return draw_by_sorting(draws, count, out, scratch);
  // Of more than half, those left out are drawn.
  const bool complement = out.size() > count / 2;
  draw_by_bitmap(draws, count, complement ? count - out.size() : out.size(), complement, out,
                 scratch);
}

}  // namespace laconic
#endif  // HWY_ONCE
