// A subset by the rule of compressors/README.md.
//
// Numbers are dealt to ranges of 2^16 first, as coins would: how many of m get into the lower half
// of a range is how many of m random bits are ones. So they come range by range in order, and a
// range's own numbers, which come in none, are put in order by a bitmap that fits the first cache.
// Where some of a hundred coordinates are drawn it is part of a bitmap of the whole vector, to
// which each round adds; where there are fewer, each round makes a list, which is merged into the
// one before it.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/random_subset.cc"
#include <hwy/foreach_target.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/scratch.h"
#include "compressors/kernels/marks-inl.h"
#include "compressors/kernels/random_stream.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

/// The numbers of one round after the other.
class Rounds {
 public:
  static constexpr unsigned kRangeBits = 16;

  Rounds(const RngKey& key, std::size_t count, Scratch& scratch)
      : stream_(key),
        count_(count),
        shares_(scratch.take<std::uint32_t>(((count - 1) >> kRangeBits) + 1)),
        levels_(static_cast<unsigned>(std::bit_width(shares_.size() - 1))),
        bits_(std::min(kRangeBits, static_cast<unsigned>(std::bit_width(count - 1)))) {}

  std::size_t ranges() const { return shares_.size(); }
  std::size_t words() const { return ((std::size_t{1} << bits_) + 63) / 64; }  // of a range's bits
  std::uint32_t mask() const { return (1u << bits_) - 1; }

  /// Begins a round.
  void deal(std::uint32_t numbers) {
    std::fill(shares_.begin(), shares_.end(), 0);
    while (numbers > 0) numbers = deal(0, levels_, numbers);
  }

  std::uint32_t share(std::size_t range) const { return shares_[range]; }

  std::size_t count() const { return count_; }

  std::span<const std::uint16_t> next(std::size_t most) { return stream_.next(most); }
  std::uint32_t next_in_range() { return stream_.next(1)[0] & mask(); }

  /// Takes away what marks of the last range are beyond the vector.
  void cut(std::size_t range, std::uint64_t* marks) const {
    const std::size_t end = count_ - (range << kRangeBits);
    if (end >= std::size_t{1} << bits_) return;
    marks[end / 64] &= (std::uint64_t{1} << end % 64) - 1;
    std::fill(marks + end / 64 + 1, marks + words(), 0);
  }

 private:
  // How many of so many random bits, at least one, are ones.
  std::uint32_t heads(std::uint32_t coins) {
    int ones = 0;
    for (; coins > 64; coins -= 64) ones += std::popcount(stream_.bits(4));
    const std::uint64_t last = stream_.bits((coins + 15) / 16) << (64 - coins);
    return static_cast<std::uint32_t>(ones + std::popcount(last));
  }

  // Deals numbers to what is below a range of 2^level; returns how many fell beyond the last one.
  std::uint32_t deal(std::size_t range, unsigned level, std::uint32_t numbers) {
    if (numbers == 0) return 0;
    if (range << level >= shares_.size()) return numbers;
    if (level == 0) {
      shares_[range] += numbers;
      return 0;
    }
    const std::uint32_t lower = heads(numbers);
    const std::uint32_t beyond = deal(2 * range, level - 1, lower);
    return beyond + deal(2 * range + 1, level - 1, numbers - lower);
  }

  RandomStream stream_;
  std::size_t count_;
  std::span<std::uint32_t> shares_;
  unsigned levels_, bits_;
};

// ------------------------------------------------------------------ many: a bitmap of the vector

// Marks so many; those known before do not count.
void draw_many(Rounds& rounds, std::size_t wanted, std::span<std::uint64_t> marks,
               Scratch& scratch) {
  const std::size_t words = rounds.words();
  const auto ones = scratch.take<std::uint32_t>(rounds.ranges());
  std::fill(ones.begin(), ones.end(), 0);
  std::fill(marks.begin(), marks.end(), 0);
  while (wanted > 0) {
    rounds.deal(static_cast<std::uint32_t>(wanted));
    for (std::size_t range = 0; range < rounds.ranges(); ++range) {
      if (rounds.share(range) == 0) continue;
      std::uint64_t* const own = &marks[range * words];
      for (std::size_t left = rounds.share(range); left > 0;) {
        const auto numbers = rounds.next(left);
        mark(numbers, rounds.mask(), own);
        left -= numbers.size();
      }
      rounds.cut(range, own);
      const std::size_t now = count_ones(own, words);
      wanted -= now - ones[range];
      ones[range] = static_cast<std::uint32_t>(now);
    }
  }
}

void many(const RngKey& key, std::size_t count, std::span<std::uint32_t> out, Scratch& scratch) {
  Rounds rounds(key, count, scratch);
  const auto marks = scratch.take<std::uint64_t>(rounds.ranges() * rounds.words());
  // Of more than half, those left out are drawn.
  const bool complement = out.size() > count / 2;
  draw_many(rounds, complement ? count - out.size() : out.size(), marks, scratch);
  list(marks.data(), (count + 63) / 64, complement ? ~std::uint64_t{0} : 0, out.size(), out.data(),
       out.data() + out.size());
}

// -------------------------------------------------------------------- few: lists that are merged

// Numbers of one range on their way into order. Between ranges there is nothing in it.
class Sorter {
 public:
  explicit Sorter(std::size_t words, Scratch& scratch)
      : marks_(scratch.take<std::uint64_t>(words)),
        flags_(scratch.take<std::uint8_t>((words + 63) / 64 * 64)),
        marked_(scratch.take<std::uint64_t>(flags_.size() / 64)),
        names_(scratch.take<std::uint32_t>(words + 64 + kPositionSlack)) {
    std::fill(marks_.begin(), marks_.end(), 0);
    std::fill(flags_.begin(), flags_.end(), 0);
  }

  std::uint64_t* marks() { return marks_.data(); }

  void add(std::span<const std::uint16_t> numbers, std::uint32_t mask) {
    mark(numbers, mask, marks_.data(), flags_.data());
  }

  /// Writes base + each number, of which there were so many with repetitions, to `out`, nothing to
  /// `end` and beyond; returns where the list ends.
  std::uint32_t* drain(std::size_t numbers, std::uint32_t base, std::uint32_t* out,
                       const std::uint32_t* end) {
    for (std::size_t i = 0; i < marked_.size(); ++i) marked_[i] = take_flags(&flags_[64 * i]);
    const std::span names(names_.data(), list(marked_.data(), marked_.size(), 0, numbers,
                                              names_.data(), names_.data() + names_.size()));
    if (end - out >= static_cast<std::ptrdiff_t>(numbers + 64)) {
      for (const std::uint32_t name : names)
        out = append_at_once<2>(std::exchange(marks_[name], 0), base + 64 * name, out);
    } else {
      for (const std::uint32_t name : names)
        for (std::uint64_t left = std::exchange(marks_[name], 0); left != 0;)
          *out++ = take_one(base + 64 * name, left);
    }
    return out;
  }

 private:
  // 64 flags as bits; none of them is left.
  static HWY_INLINE std::uint64_t take_flags(std::uint8_t* flags) {
    std::uint64_t bits = 0;
#if HWY_TARGET == HWY_SCALAR
    for (std::size_t i = 0; i < 64; ++i) bits |= std::uint64_t{flags[i]} << i;
#else
    const hn::CappedTag<std::uint8_t, 64> d;
    std::uint8_t bytes[8];
    for (std::size_t i = 0; i < 64; i += hn::Lanes(d))
      hn::StoreMaskBits(d, hn::Ne(hn::Load(d, flags + i), hn::Zero(d)), bytes + i / 8);
    std::memcpy(&bits, bytes, sizeof bits);
#endif
    std::memset(flags, 0, 64);
    return bits;
  }

  std::span<std::uint64_t> marks_;
  std::span<std::uint8_t> flags_;    // of each word of marks whether it has any
  std::span<std::uint64_t> marked_;  // the same as bits
  std::span<std::uint32_t> names_;   // of the words that have any
};

// Writes base + each of the next numbers, without repetitions; returns where the list ends.
std::uint32_t* sort_alone(Rounds& rounds, std::size_t numbers, std::uint32_t base,
                          std::uint32_t* out) {
  std::uint32_t* end = out;
  for (; numbers > 0; --numbers) {
    const std::uint32_t number = base + rounds.next_in_range();
    *end = number;
    end += number < rounds.count() ? 1 : 0;
  }
  std::sort(out, end);
  return std::unique(out, end);
}

// One round as a list without repetitions; returns how many there are.
std::size_t draw_few(Rounds& rounds, Sorter& sorter, std::span<std::uint32_t> out) {
  // So few are sorted before a bitmap is looked through.
  constexpr std::size_t kAlone = 12;
  rounds.deal(static_cast<std::uint32_t>(out.size()));
  std::uint32_t* next = out.data();
  for (std::size_t range = 0; range < rounds.ranges(); ++range) {
    const std::size_t share = rounds.share(range);
    if (share == 0) continue;
    const auto base = static_cast<std::uint32_t>(range << Rounds::kRangeBits);
    if (share <= kAlone) {
      next = sort_alone(rounds, share, base, next);
      continue;
    }
    for (std::size_t left = share; left > 0;) {
      const auto numbers = rounds.next(left);
      sorter.add(numbers, rounds.mask());
      left -= numbers.size();
    }
    rounds.cut(range, sorter.marks());
    next = sorter.drain(share, base, next, out.data() + out.size());
  }
  return static_cast<std::size_t>(next - out.data());
}

// Merges numbers into a list that begins `out`, both ascending; returns how many were not in it.
std::size_t merge(std::span<std::uint32_t> numbers, std::size_t listed, std::uint32_t* out,
                  Scratch& scratch) {
  const Scratch::Scope scope(scratch);
  const auto places = scratch.take<std::uint32_t>(numbers.size());
  std::size_t fresh = 0, at = 0;
  for (const std::uint32_t number : numbers) {
    constexpr std::size_t kStride = 16;
    while (at + kStride <= listed && out[at + kStride - 1] < number) at += kStride;
    while (at < listed && out[at] < number) ++at;
    if (at < listed && out[at] == number) continue;
    numbers[fresh] = number;
    places[fresh++] = static_cast<std::uint32_t>(at);
  }
  std::size_t end = listed;
  for (std::size_t i = fresh; i-- > 0;) {
    std::copy_backward(out + places[i], out + end, out + end + i + 1);
    end = places[i];
    out[end + i] = numbers[i];
  }
  return fresh;
}

void few(const RngKey& key, std::size_t count, std::span<std::uint32_t> out, Scratch& scratch) {
  Rounds rounds(key, count, scratch);
  Sorter sorter(rounds.words(), scratch);
  for (std::size_t listed = draw_few(rounds, sorter, out); listed < out.size();) {
    const Scratch::Scope scope(scratch);
    const auto numbers = scratch.take<std::uint32_t>(out.size() - listed);
    listed += merge(numbers.first(draw_few(rounds, sorter, numbers)), listed, out.data(), scratch);
  }
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "compressors/kernels/random_indices.h"

namespace laconic {
namespace kernels {

HWY_EXPORT(many);
HWY_EXPORT(few);

}  // namespace kernels

// By symmetry each set is equally likely. A round draws as many numbers as are missing, so it
// cannot draw one too many, and the order within a round does not matter. Numbers beyond the vector
// are missing in the next round, and so are those that were drawn before.
void random_subset(const RngKey& key, std::size_t count, std::span<std::uint32_t> out,
                   Scratch& scratch) {
  using namespace kernels;
  if (out.empty()) return;
  const Scratch::Scope scope(scratch);
  constexpr std::size_t kFew = 48;
  if (out.size() < count / kFew)
    HWY_DYNAMIC_DISPATCH(few)(key, count, out, scratch);
  else
    HWY_DYNAMIC_DISPATCH(many)(key, count, out, scratch);
}

}  // namespace laconic
#endif  // HWY_ONCE
