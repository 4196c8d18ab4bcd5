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
          LACONIC_LAMBDA { return hn::MulEven(hn::BitCast(Halves(), x), hn::Set(Halves(), by)); },
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

/// The key of each round, in all lanes: made once for many blocks.
struct PhiloxKeys {
  static constexpr int kRounds = 10;
  hn::Vec<U64::Tag> round[kRounds][2];
  hn::Vec<U64::Tag> upper[2];  // of the counter

  explicit PhiloxKeys(const RngKey& key) {
    const auto low = [](std::uint64_t v)
                         LACONIC_LAMBDA { return hn::Set(U64::Tag(), v & 0xffffffff); };
    auto k0 = static_cast<std::uint32_t>(key.lo), k1 = static_cast<std::uint32_t>(key.lo >> 32);
    for (auto& k : round) {
      k[0] = low(k0), k[1] = low(k1);
      k0 += 0x9E3779B9, k1 += 0xBB67AE85;
    }
    upper[0] = low(key.hi), upper[1] = low(key.hi >> 32);
  }
};

/// The same in all registers.
HWY_INLINE U64 repeat(const hn::Vec<U64::Tag>& v) {
  return each<std::uint64_t>([&v]() LACONIC_LAMBDA { return v; });
}

/// The upper half of a product, with a word and a key that were there before it.
HWY_INLINE U64 mixed(const U64& product, const U64& word, const hn::Vec<U64::Tag>& key) {
#if HWY_TARGET == HWY_AVX2
  return each<std::uint64_t>(
      [&key](auto p, auto w) LACONIC_LAMBDA {
        auto early = hn::Xor(w, key);
        // Else the compiler joins key and product first, and each round waits for one step more.
        asm("" : "+x"(early.raw));
        return hn::Xor(hn::ShiftRight<32>(p), early);
      },
      product, word);
#else
  return exclusive_or(shift_right<32>(product), word, repeat(key));
#endif
}

/// The lower half of each lane of `low`, and above it that of `high`.
HWY_INLINE U64 joined(const U64& low, const U64& high) {
#if HWY_TARGET == HWY_SCALAR
  return (low & splat<std::uint64_t>(0xffffffff)) | shift_left<32>(high);
#else
  using Halves = hn::Repartition<std::uint32_t, U64::Tag>;
  return each<std::uint64_t>(
      [](auto l, auto h) LACONIC_LAMBDA {
        return hn::BitCast(U64::Tag(), hn::OddEven(hn::BitCast(Halves(), hn::ShiftLeft<32>(h)),
                                                   hn::BitCast(Halves(), l)));
      },
      low, high);
#endif
}

/// Blocks [first, first + 8) of the stream: 32 words in its order, two in each lane. `blocks` are
/// lane_blocks.
struct RandomWords {
  U64 lower, upper;
};
HWY_INLINE RandomWords random_words(const PhiloxKeys& keys, std::uint64_t first,
                                    const U64& blocks) {
  // Each lane holds one 32-bit word of one block, with leftovers of products above it: they are
  // shifted out or ignored by the next product.
  const U64 index = blocks + splat<std::uint64_t>(first);
  U64 c0 = index, c1 = shift_right<32>(index), c2 = repeat(keys.upper[0]),
      c3 = repeat(keys.upper[1]);
  for (const auto& key : keys.round) {
    const U64 a = multiply_low(c0, 0xD2511F53), b = multiply_low(c2, 0xCD9E8D57);
    c0 = mixed(b, c1, key[0]);
    c2 = mixed(a, c3, key[1]);
    c1 = b, c3 = a;
  }
  const U64 w01 = joined(c0, c1), w23 = joined(c2, c3);
  RandomWords words;
  const auto put = [&words](std::size_t r, auto v) LACONIC_LAMBDA {
    (r < U64::kRegisters ? words.lower : words.upper).r[r % U64::kRegisters] = v;
  };
  for (std::size_t r = 0; r < U64::kRegisters; ++r) {
#if HWY_TARGET == HWY_SCALAR
    put(2 * r, w01.r[r]), put(2 * r + 1, w23.r[r]);
#else
    const U64::Tag d;
    put(2 * r, hn::InterleaveLower(d, w01.r[r], w23.r[r]));
    put(2 * r + 1, hn::InterleaveUpper(d, w01.r[r], w23.r[r]));
#endif
  }
  return words;
}

/// 16 random bits for each value of a run, 64 at a time: number i of a stream is bits
/// [16 i, 16 i + 16) of it, block by block, word by word, lowest first.
///
/// They are made hundreds ahead: alone, several blocks of Philox are under way at once; between
/// other arithmetic, each of its rounds waits for the one before.
class Random16 {
 public:
  /// For `count` values from `begin` on, a multiple of 64.
  Random16(const RngKey& key, std::size_t begin, std::size_t count)
      : keys_(key), group_(begin / kEach), left_((count + kEach - 1) / kEach) {}

  /// The next 64; gone with the next call.
  HWY_INLINE const std::uint16_t* next() {
    if (next_ == end_) refill();
    const std::uint16_t* const numbers = memory_ + next_;
    next_ += kEach;
    return numbers;
  }

 private:
  static constexpr std::size_t kEach = 64, kAhead = 8;

  HWY_NOINLINE void refill() {
    const U64 blocks = lane_blocks();
    const std::size_t groups = std::min(kAhead, left_);
    for (std::size_t g = 0; g < groups; ++g, ++group_) {
      const RandomWords words = random_words(keys_, 8 * group_, blocks);
      auto* const to = reinterpret_cast<std::byte*>(memory_ + kEach * g);
      store_bytes(words.lower, to);
      store_bytes(words.upper, to + sizeof words.lower);
    }
    left_ -= groups;
    next_ = 0, end_ = kEach * groups;
  }

  PhiloxKeys keys_;
  std::uint64_t group_;
  std::size_t left_, next_ = 0, end_ = 0;
  std::uint16_t memory_[kEach * kAhead];
};

/// Sixteen of these as fractions in (0, 1): each the middle of its 2^-16, so that they are right in
/// the mean. Nothing here is rounded, so it is all one whether the machine fuses it.
HWY_INLINE F32 uniform16(const std::uint16_t* random, float less = 0) {
  const F32 number = converted(as_signed(load_narrow<std::uint16_t>(random)));
  const F32 unit = splat(0x1p-16f), middle = splat(0x1p-17f - less);
#if HWY_NATIVE_FMA
  return fma(number, unit, middle);
#else
  return number * unit + middle;
#endif
}

/// Less a half: in (-1/2, 1/2), with a mean of zero.
HWY_INLINE F32 centred16(const std::uint16_t* random) { return uniform16(random, 0.5f); }

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
