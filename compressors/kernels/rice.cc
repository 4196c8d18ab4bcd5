#include "compressors/kernels/rice.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/rice.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

constexpr std::size_t kRows = kRiceTile / kLanes;
constexpr std::size_t kRowBytes = kLanes * sizeof(std::uint32_t);

void split_gaps(const std::uint32_t* indices, std::uint32_t next, unsigned shift, std::byte* low,
                std::uint32_t* quotients) {
  const U32 mask = splat((std::uint32_t{1} << shift) - 1), one = splat<std::uint32_t>(1);
  std::uint32_t before[kLanes];
  before[0] = next - 1;
  std::memcpy(before + 1, indices, sizeof before - sizeof *before);
  U32 word = splat<std::uint32_t>(0);
  unsigned filled = 0;
  for (std::size_t row = 0; row < kRows; ++row, indices += kLanes) {
    const U32 gap = load(indices) - load(row == 0 ? before : indices - 1) - one;
    store(shift_right(gap, shift), quotients + row * kLanes);
    const U32 number = gap & mask;
    word = word | shift_left(number, filled);
    filled += shift;
    if (filled < 32) continue;
    store_bytes(word, low);
    low += kRowBytes;
    filled -= 32;
    word = filled == 0 ? splat<std::uint32_t>(0) : shift_right(number, shift - filled);
  }
}

// Indices from gaps: `next_low()` yields the lower parts of 16 at a time. A gap and one more is how
// far an index is from the one before it, so indices are prefix sums; only one addition for 16 of
// them waits for the 16 before.
template <typename NextLow>
HWY_INLINE void join_rows(std::size_t n, unsigned shift, const std::uint32_t* ones,
                          std::uint32_t next, std::uint32_t* indices, const NextLow& next_low) {
  const U32 one = splat<std::uint32_t>(1);
  U32 base = splat(next - 1);
  for (std::size_t i = 0; i < n; i += kLanes) {
    const U32 quotient = load(ones + i) - load(ones + i - 1) - one;
    const U32 sums = prefix_sums(shift_left(quotient, shift) + next_low(i) + one);
    store(base + sums, indices + i);
    base = base + last_of(sums);
  }
}

void join_gaps(const std::byte* low, unsigned shift, const std::uint32_t* ones, std::uint32_t next,
               std::uint32_t* indices) {
  const U32 zero = splat<std::uint32_t>(0);
  if (shift == 0)
    return join_rows(kRiceTile, 0, ones, next, indices,
                     [zero](std::size_t) LACONIC_LAMBDA { return zero; });
  const U32 mask = splat((std::uint32_t{1} << shift) - 1);
  const std::byte* const end = low + shift * kRowBytes;
  U32 word = load_bytes<std::uint32_t>(low);
  unsigned used = 0;
  join_rows(kRiceTile, shift, ones, next, indices, [&](std::size_t) LACONIC_LAMBDA {
    U32 number = shift_right(word, used);
    used += shift;
    if (used >= 32) {
      used -= 32;
      low += kRowBytes;
      if (low != end) {
        word = load_bytes<std::uint32_t>(low);
        if (used > 0) number = number | shift_left(word, shift - used);
      }
    }
    return number & mask;
  });
}

void join_unpacked(const std::uint32_t* low, unsigned shift, const std::uint32_t* ones,
                   std::uint32_t next, std::uint32_t* indices, std::size_t n) {
  join_rows(n, shift, ones, next, indices,
            [low](std::size_t i) LACONIC_LAMBDA { return load(low + i); });
}

// The lowest `count` bits of `bits`, at most 64 of them; the others are zero. Whether they fill the
// word cannot be guessed: so it is written in any case, and again unless it was whole.
HWY_INLINE void put_bits_ahead(std::uint64_t bits, unsigned count, UnaryWriter& writer) {
  const std::uint64_t held = writer.held | bits << writer.bits;
  const std::uint64_t carried = bits >> 1 >> (63 - writer.bits);
  std::memcpy(writer.out, &held, sizeof held);
  const unsigned filled = writer.bits + count;
  const bool whole = filled >= 64;
  writer.held = whole ? carried : held;
  writer.out += whole ? sizeof held : 0;
  writer.bits = filled % 64;
}

// The same where nothing follows, so that only whole words may be written.
HWY_INLINE void put_bits(std::uint64_t bits, unsigned count, UnaryWriter& writer) {
  writer.held |= bits << writer.bits;
  writer.bits += count;
  if (writer.bits < 64) return;
  std::memcpy(writer.out, &writer.held, sizeof writer.held);
  writer.out += sizeof writer.held;
  writer.bits -= 64;
  writer.held = writer.bits == 0 ? 0 : bits >> (count - writer.bits);
}

// A word with ones at positions below 64.
HWY_INLINE std::uint64_t ones_at(const U32& positions) {
#if HWY_TARGET == HWY_SCALAR
  std::uint64_t word = 0;
  for (const auto& r : positions.r) word |= std::uint64_t{1} << r.raw;
  return word;
#else
  const U64::Tag d;
  const hn::Rebind<std::uint32_t, U64::Tag> half;
  auto word = hn::Zero(d);
  for (const auto& r : positions.r) {
    const auto one = hn::Set(d, 1);
    word = hn::Or(word, hn::Shl(one, hn::PromoteTo(d, hn::LowerHalf(half, r))));
    word = hn::Or(word, hn::Shl(one, hn::PromoteTo(d, hn::UpperHalf(half, r))));
  }
  // No two have the same place, so the sum has them all.
  return hn::GetLane(hn::SumOfLanes(d, word));
#endif
}

void put_unary(const std::uint32_t* quotients, std::size_t n, bool more, UnaryWriter& to) {
  UnaryWriter writer = to;
  const U32 one = splat<std::uint32_t>(1);
  std::size_t i = 0;
  const auto put_one = [&writer](std::uint32_t quotient) LACONIC_LAMBDA {
    for (; quotient >= 64; quotient -= 64) put_bits(0, 64, writer);
    put_bits(std::uint64_t{1} << quotient, quotient + 1, writer);
  };
  for (; i + kLanes <= n; i += kLanes) {
    // The ones of 16 numbers as a rule fit a word: their positions are prefix sums.
    const U32 positions = prefix_sums(load(quotients + i) + one) - one;
    const std::uint32_t last = hn::GetLane(last_of(positions.r[U32::kRegisters - 1]));
    if (HWY_UNLIKELY(last >= 64)) {
      for (std::size_t j = i; j < i + kLanes; ++j) put_one(quotients[j]);
      continue;
    }
    if (more)
      put_bits_ahead(ones_at(positions), last + 1, writer);
    else
      put_bits(ones_at(positions), last + 1, writer);
  }
  for (; i < n; ++i) put_one(quotients[i]);
  to = writer;
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace laconic::kernels {

HWY_EXPORT(split_gaps);
HWY_EXPORT(join_gaps);
HWY_EXPORT(join_unpacked);
HWY_EXPORT(put_unary);

void split_gaps(const std::uint32_t* indices, std::uint32_t next, unsigned shift, std::byte* low,
                std::uint32_t* quotients) {
  HWY_DYNAMIC_DISPATCH(split_gaps)(indices, next, shift, low, quotients);
}

void join_gaps(const std::byte* low, unsigned shift, const std::uint32_t* ones, std::uint32_t next,
               std::uint32_t* indices) {
  HWY_DYNAMIC_DISPATCH(join_gaps)(low, shift, ones, next, indices);
}

void join_unpacked(const std::uint32_t* low, unsigned shift, const std::uint32_t* ones,
                   std::uint32_t next, std::uint32_t* indices, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(join_unpacked)(low, shift, ones, next, indices, n);
}

void put_unary(const std::uint32_t* quotients, std::size_t n, bool more, UnaryWriter& writer) {
  HWY_DYNAMIC_DISPATCH(put_unary)(quotients, n, more, writer);
}

}  // namespace laconic::kernels
#endif  // HWY_ONCE
