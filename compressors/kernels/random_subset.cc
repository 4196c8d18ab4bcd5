// A subset by the rule of compressors/README.md, at what two or three visits to the first cache
// cost for each of its elements.
//
// Numbers come in no order, and a mark for each in a bitmap of the whole vector would miss the
// caches each time. So they are dealt out to regions of 65,536 coordinates first, whose part of the
// bitmap fits the first cache. Where hundreds of coordinates come on one that is drawn, it is the
// bitmap that costs, and the numbers are sorted instead.
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

// The positions of ones in marks ^ flip, at most `room` of them. Of each word kAtOnce are taken
// without asking whether they are there, since guessing wrong costs more.
template <std::size_t kAtOnce>
HWY_INLINE void list_at_once(const std::uint64_t* marks, std::size_t words, std::uint64_t flip,
                             std::uint32_t* out, std::size_t room) {
  std::size_t n = 0;
  const auto put = [out](std::size_t at, std::size_t word, std::uint64_t& left) HWY_ATTR {
    out[at] = static_cast<std::uint32_t>(64 * word + std::countr_zero(left));
    left &= left - 1;
  };
  for (std::size_t w = 0; w < words && n < room; ++w) {
    std::uint64_t left = marks[w] ^ flip;
    const std::size_t end = std::min(n + std::popcount(left), room);
    if (n + kAtOnce <= room) {
      for (std::size_t i = 0; i < kAtOnce; ++i) put(n + i, w, left);
      n = std::min(n + kAtOnce, end);
    }
    for (; n < end; ++n) put(n, w, left);
  }
}

void list_marked(const std::uint64_t* marks, std::size_t words, std::uint64_t flip,
                 std::uint32_t* out, std::size_t room) {
  // What all but a few words have at most: two standard deviations above the mean.
  const double mean = static_cast<double>(room) / static_cast<double>(words);
  const double most = mean + 2 * std::sqrt(mean);
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
#include <utility>

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
  Draws(const RngKey& key, std::size_t count)
      : key_(key), bound_(static_cast<std::uint32_t>(count)) {}

  // Calls visit(numbers) with the numbers of `words` words in pieces; where a word is not to be
  // used stands kRejected.
  template <typename Visit>
  void round(std::size_t words, const Visit& visit) {
    for (std::size_t drawn = 0; drawn < words; drawn += kPiece) {
      const std::size_t n = std::min(kPiece, words - drawn);
      uniform_numbers(key_, block_ + drawn / 4, (n + 31) / 32, bound_, numbers_.data());
      visit(Indices(numbers_).first(n));
    }
    block_ += (words + 3) / 4;
  }

 private:
  static constexpr std::size_t kPiece = 1024;

  RngKey key_;
  std::uint32_t bound_;
  std::uint64_t block_ = 0;
  std::array<std::uint32_t, kPiece> numbers_;
};

// ------------------------------------------------------------------------------------ by a bitmap

// Marks `number`; 1 if it was not marked.
std::size_t mark(std::uint64_t* marks, std::size_t number) {
  std::uint64_t& word = marks[number / 64];
  const std::uint64_t bit = std::uint64_t{1} << number % 64, before = word;
  word = before | bit;
  return (before & bit) == 0 ? 1 : 0;
}

// Numbers on their way to their region.
class Dealer {
 public:
  static constexpr unsigned kRegionBits = 16;

  Dealer(std::span<std::uint64_t> marks, std::size_t count, std::size_t numbers, Scratch& scratch)
      : marks_(marks.data()),
        regions_((count >> kRegionBits) + 1),
        room_(2 * numbers / regions_ + 64),
        waiting_(scratch.take<std::uint32_t>(regions_ + 1)),
        numbers_(scratch.take<std::uint16_t>((regions_ + 1) * room_)) {
    std::ranges::fill(waiting_, 0);
  }

  void deal(Indices numbers) {
    for (const std::uint32_t number : numbers) {
      // kRejected goes to a region behind the last.
      const std::size_t region = std::min<std::size_t>(number >> kRegionBits, regions_);
      numbers_[region * room_ + waiting_[region]] = static_cast<std::uint16_t>(number);
      if (++waiting_[region] == room_) mark_waiting(region);
    }
  }

  // How many were not marked before.
  std::size_t finish() {
    for (std::size_t region = 0; region < regions_; ++region) mark_waiting(region);
    return fresh_;
  }

 private:
  void mark_waiting(std::size_t region) {
    const auto waiting = numbers_.subspan(region * room_, waiting_[region]);
    std::uint64_t* const marks = marks_ + (region << kRegionBits) / 64;
    if (region < regions_)
      for (const std::uint16_t number : waiting) fresh_ += mark(marks, number);
    waiting_[region] = 0;
  }

  std::uint64_t* marks_;
  std::size_t regions_, room_;
  std::span<std::uint32_t> waiting_;
  std::span<std::uint16_t> numbers_;
  std::size_t fresh_ = 0;
};

void draw_by_bitmap(Draws& draws, std::size_t count, std::size_t wanted, bool complement,
                    Indices out, Scratch& scratch) {
  const auto marks = scratch.take<std::uint64_t>((count + 63) / 64);
  std::ranges::fill(marks, 0);
  for (std::size_t missing = wanted; missing > 0;) {
    const Scratch::Scope scope(scratch);
    Dealer dealer(marks, count, missing, scratch);
    draws.round(missing, [&](Indices numbers) { dealer.deal(numbers); });
    missing -= dealer.finish();
  }
  HWY_DYNAMIC_DISPATCH(list_marked)
  (marks.data(), marks.size(), complement ? ~std::uint64_t{0} : 0, out.data(), out.size());
}

// ------------------------------------------------------------------------------------- by sorting

// By 11 bits at a time, lowest first; `spare` is as long.
void sort_numbers(Indices numbers, Indices spare, unsigned bits) {
  constexpr unsigned kDigit = 11;
  if (numbers.size() < 256) {
    std::ranges::sort(numbers);
    return;
  }
  const unsigned passes = (bits + kDigit - 1) / kDigit, digit = (bits + passes - 1) / passes;
  const std::uint32_t mask = (1u << digit) - 1;
  Indices from = numbers, to = spare;
  for (unsigned shift = 0; shift < bits; shift += digit, std::swap(from, to)) {
    std::array<std::uint32_t, 1 << kDigit> place{};
    for (const std::uint32_t number : from) ++place[number >> shift & mask];
    for (std::uint32_t sum = 0; std::uint32_t & p : place) sum += std::exchange(p, sum);
    for (const std::uint32_t number : from) to[place[number >> shift & mask]++] = number;
  }
  if (from.data() != numbers.data()) std::ranges::copy(from, numbers.begin());
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
    sort_numbers(fresh.first(n), spare, bits);
    // Into a round that is sorted already, those go that are not in it; from the second round on
    // they are few.
    const auto is_known = [&](std::uint32_t number) {
      return std::ranges::binary_search(out.first(done), number);
    };
    const auto unique = std::ranges::unique(fresh.first(n)).begin();
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
