// Philox4x32-10 (base/rng.h) for eight blocks at a time, in the order of the stream.
#if defined(LACONIC_KERNELS_PHILOX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LACONIC_KERNELS_PHILOX_INL_H_
#undef LACONIC_KERNELS_PHILOX_INL_H_
#else
#define LACONIC_KERNELS_PHILOX_INL_H_
#endif

#include "base/rng.h"
#include "compressors/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

/// The lower half of each 64-bit lane times a constant; whatever stands above it does not matter.
HWY_INLINE U64 multiply_low(const U64& v, std::uint32_t by) {
#if HWY_TARGET == HWY_SCALAR
  return each<std::uint64_t>(
      [by](auto x) { return hn::Set(U64::Tag(), std::uint64_t{by} * (x.raw & 0xffffffff)); }, v);
#else
  using Halves = hn::Repartition<std::uint32_t, U64::Tag>;
  return each<std::uint64_t>(
      [by](auto x)
          HWY_ATTR { return hn::MulEven(hn::BitCast(Halves(), x), hn::Set(Halves(), by)); },
      v);
#endif
}

/// Which block of eight each lane computes: such that joining neighbouring lanes of two vectors,
/// which is what machines do best, puts the blocks into their order.
HWY_INLINE U64 lane_blocks() {
  constexpr std::size_t kEach = U64::kEach;
  std::uint64_t block[8];
  for (std::size_t i = 0; i < 8; ++i) {
    const std::size_t lane = i % kEach;
    block[i] = i - lane + (kEach == 1 ? 0 : lane / 2 + lane % 2 * (kEach / 2));
  }
  return load(block);
}

/// Blocks [first, first + 8) of the stream: 32 words in its order, two in each lane. `blocks` are
/// lane_blocks.
struct RandomWords {
  U64 lower, upper;
};
HWY_INLINE RandomWords random_words(const RngKey& key, std::uint64_t first, const U64& blocks) {
  // Each lane holds one 32-bit word of one block, with leftovers of products above it: they are
  // shifted out or ignored by the next product.
  const auto low = [](std::uint64_t v) { return splat<std::uint64_t>(v & 0xffffffff); };
  const U64 index = blocks + splat<std::uint64_t>(first);
  U64 c0 = index, c1 = shift_right<32>(index), c2 = low(key.hi), c3 = low(key.hi >> 32);
  auto k0 = static_cast<std::uint32_t>(key.lo), k1 = static_cast<std::uint32_t>(key.lo >> 32);
  for (int round = 0; round < 10; ++round) {
    const U64 a = multiply_low(c0, 0xD2511F53), b = multiply_low(c2, 0xCD9E8D57);
    c0 = exclusive_or(shift_right<32>(b), c1, low(k0));
    c2 = exclusive_or(shift_right<32>(a), c3, low(k1));
    c1 = b, c3 = a;
    k0 += 0x9E3779B9, k1 += 0xBB67AE85;
  }
  const U64 mask = splat<std::uint64_t>(0xffffffff);
  const U64 w01 = (c0 & mask) | shift_left<32>(c1), w23 = (c2 & mask) | shift_left<32>(c3);
  std::uint64_t words[16];
  for (std::size_t r = 0; r < U64::kRegisters; ++r) {
    std::uint64_t* to = words + 2 * r * U64::kEach;
#if HWY_TARGET == HWY_SCALAR
    to[0] = w01.r[r].raw, to[1] = w23.r[r].raw;
#else
    const U64::Tag d;
    hn::StoreU(hn::InterleaveLower(d, w01.r[r], w23.r[r]), d, to);
    hn::StoreU(hn::InterleaveUpper(d, w01.r[r], w23.r[r]), d, to + U64::kEach);
#endif
  }
  return {load(words), load(words + 8)};
}

/// Blocks [8 * group, 8 * group + 8) of the stream as 64 numbers of 16 bits: number i of a stream
/// is bits [16 i, 16 i + 16) of it, block by block, word by word, lowest first.
HWY_INLINE void random16(const RngKey& key, std::uint64_t group, const U64& blocks,
                         std::uint16_t* out) {
  const RandomWords words = random_words(key, 8 * group, blocks);
  std::uint64_t all[16];
  store(words.lower, all), store(words.upper, all + 8);
  std::memcpy(out, all, sizeof all);
}

/// Sixteen of these as fractions in (0, 1): each the middle of its 2^-16, so that they are right in
/// the mean.
HWY_INLINE F32 uniform16(const std::uint16_t* random) {
  return converted(as_signed(load_narrow<std::uint16_t>(random))) * splat(0x1p-16f) +
         splat(0x1p-17f);
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
