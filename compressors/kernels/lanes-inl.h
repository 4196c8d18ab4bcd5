// Sixteen lanes, whatever the machine has.
//
// A kernel written in these types does the same arithmetic in the same order on every target: one
// register of AVX-512, two of AVX2, or sixteen of one lane where there is no SIMD. So its results
// are equal bit by bit, and the scalar twins of the tests are its definition. Only what the kernels
// need is here; anything else goes to Highway through `r`.
//
// For inclusion in files that Highway compiles once per target; hence no ordinary include guard.
#if defined(LACONIC_KERNELS_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LACONIC_KERNELS_LANES_INL_H_
#undef LACONIC_KERNELS_LANES_INL_H_
#else
#define LACONIC_KERNELS_LANES_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

/// Stands behind the parameters of a lambda. A compiler that weighs them one by one may call one
/// for each few lanes, pass registers through memory and fetch constants each time. With a
/// sanitizer's checks in every copy a file would take ten minutes to compile.
#undef LACONIC_LAMBDA
#ifdef LACONIC_SANITIZED
#define LACONIC_LAMBDA HWY_ATTR
#else
#define LACONIC_LAMBDA HWY_ATTR __attribute__((always_inline))
#endif

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

inline constexpr std::size_t kLanes = 16;

/// Lanes of one type, in as many registers as they take: 16 of 32 bits or 8 of 64.
template <typename T>
struct Lanes {
  using Tag = hn::CappedTag<T, 64 / sizeof(T)>;
  static constexpr std::size_t kEach = hn::MaxLanes(Tag());
  static constexpr std::size_t kRegisters = 64 / sizeof(T) / kEach;
  hn::Vec<Tag> r[kRegisters];
};

using F32 = Lanes<float>;
using I32 = Lanes<std::int32_t>;
using U32 = Lanes<std::uint32_t>;
using U64 = Lanes<std::uint64_t>;

/// f on each register.
template <typename To, typename F, typename... From>
HWY_INLINE Lanes<To> each(const F& f, const From&... from) {
  Lanes<To> out;
  for (std::size_t i = 0; i < Lanes<To>::kRegisters; ++i) out.r[i] = f(from.r[i]...);
  return out;
}

template <typename T>
HWY_INLINE Lanes<T> splat(T value) {
  return each<T>([value]() LACONIC_LAMBDA { return hn::Set(typename Lanes<T>::Tag(), value); });
}

template <typename T>
HWY_INLINE Lanes<T> load(const T* from) {
  Lanes<T> out;
  for (std::size_t i = 0; i < Lanes<T>::kRegisters; ++i)
    out.r[i] = hn::LoadU(typename Lanes<T>::Tag(), from + i * Lanes<T>::kEach);
  return out;
}

template <typename T>
HWY_INLINE void store(const Lanes<T>& v, T* to) {
  for (std::size_t i = 0; i < Lanes<T>::kRegisters; ++i)
    hn::StoreU(v.r[i], typename Lanes<T>::Tag(), to + i * Lanes<T>::kEach);
}

/// Past the caches; `to` is aligned to 64 bytes. hwy::FlushStream ends a run of these.
template <typename T>
HWY_INLINE void stream(const Lanes<T>& v, T* to) {
  for (std::size_t i = 0; i < Lanes<T>::kRegisters; ++i)
    hn::Stream(v.r[i], typename Lanes<T>::Tag(), to + i * Lanes<T>::kEach);
}

/// The first `count` lanes; the others are zero (load) or left alone (store).
template <typename T>
HWY_INLINE Lanes<T> load(const T* from, std::size_t count) {
  T all[64 / sizeof(T)] = {};
  std::memcpy(all, from, count * sizeof(T));
  return load(all);
}

template <typename T>
HWY_INLINE void store(const Lanes<T>& v, T* to, std::size_t count) {
  T all[64 / sizeof(T)];
  store(v, all);
  std::memcpy(to, all, count * sizeof(T));
}

template <typename T>
HWY_INLINE Lanes<T> operator+(const Lanes<T>& a, const Lanes<T>& b) {
  return each<T>([](auto x, auto y) LACONIC_LAMBDA { return hn::Add(x, y); }, a, b);
}
template <typename T>
HWY_INLINE Lanes<T> operator-(const Lanes<T>& a, const Lanes<T>& b) {
  return each<T>([](auto x, auto y) LACONIC_LAMBDA { return hn::Sub(x, y); }, a, b);
}
HWY_INLINE F32 operator*(const F32& a, const F32& b) {
  return each<float>([](auto x, auto y) LACONIC_LAMBDA { return hn::Mul(x, y); }, a, b);
}
HWY_INLINE F32 operator/(const F32& a, const F32& b) {
  return each<float>([](auto x, auto y) LACONIC_LAMBDA { return hn::Div(x, y); }, a, b);
}
/// The lower halves of products.
HWY_INLINE U32 operator*(const U32& a, const U32& b) {
  return each<std::uint32_t>([](auto x, auto y) LACONIC_LAMBDA { return hn::Mul(x, y); }, a, b);
}
template <typename T>
HWY_INLINE Lanes<T> operator&(const Lanes<T>& a, const Lanes<T>& b) {
  return each<T>([](auto x, auto y) LACONIC_LAMBDA { return hn::And(x, y); }, a, b);
}
template <typename T>
HWY_INLINE Lanes<T> operator|(const Lanes<T>& a, const Lanes<T>& b) {
  return each<T>([](auto x, auto y) LACONIC_LAMBDA { return hn::Or(x, y); }, a, b);
}
template <typename T>
HWY_INLINE Lanes<T> max(const Lanes<T>& a, const Lanes<T>& b) {
  return each<T>([](auto x, auto y) LACONIC_LAMBDA { return hn::Max(x, y); }, a, b);
}
template <typename T>
HWY_INLINE Lanes<T> min(const Lanes<T>& a, const Lanes<T>& b) {
  return each<T>([](auto x, auto y) LACONIC_LAMBDA { return hn::Min(x, y); }, a, b);
}

template <int Bits, typename T>
HWY_INLINE Lanes<T> shift_left(const Lanes<T>& v) {
  return each<T>([](auto x) LACONIC_LAMBDA { return hn::ShiftLeft<Bits>(x); }, v);
}
template <int Bits, typename T>
HWY_INLINE Lanes<T> shift_right(const Lanes<T>& v) {
  return each<T>([](auto x) LACONIC_LAMBDA { return hn::ShiftRight<Bits>(x); }, v);
}
template <typename T>
HWY_INLINE Lanes<T> exclusive_or(const Lanes<T>& a, const Lanes<T>& b, const Lanes<T>& c) {
  return each<T>([](auto x, auto y, auto z) LACONIC_LAMBDA { return hn::Xor3(x, y, z); }, a, b, c);
}

/// Where a < b lanes of yes, else of no.
template <typename T>
HWY_INLINE Lanes<T> if_less(const F32& a, const F32& b, const Lanes<T>& yes, const Lanes<T>& no) {
  return each<T>(
      [](auto x, auto y, auto s, auto t) LACONIC_LAMBDA {
        return hn::IfThenElse(hn::RebindMask(typename Lanes<T>::Tag(), hn::Lt(x, y)), s, t);
      },
      a, b, yes, no);
}

/// Where a >= b, both below 2^31, lanes of yes, else zero.
HWY_INLINE U32 if_at_least(const U32& a, const U32& b, const U32& yes) {
  return each<std::uint32_t>(
      [](auto x, auto y, auto s) LACONIC_LAMBDA {
        const I32::Tag d;
        const auto less = hn::BitCast(d, x) < hn::BitCast(d, y);
        return hn::IfThenZeroElse(hn::RebindMask(U32::Tag(), less), s);
      },
      a, b, yes);
}

/// All ones where a < b, both below 2^31, else zeros.
HWY_INLINE U32 ones_if_less(const U32& a, const U32& b) {
  return each<std::uint32_t>(
      [](auto x, auto y) LACONIC_LAMBDA {
        const I32::Tag d;
        return hn::BitCast(U32::Tag(), hn::VecFromMask(d, hn::BitCast(d, x) < hn::BitCast(d, y)));
      },
      a, b);
}

/// Where lanes of `mask` are all ones, lanes of yes, where zeros, of no.
HWY_INLINE U32 if_ones(const U32& mask, const U32& yes, const U32& no) {
  return each<std::uint32_t>([](auto m, auto y, auto n)
                                 LACONIC_LAMBDA { return hn::Or(hn::And(m, y), hn::AndNot(m, n)); },
                             mask, yes, no);
}

/// To nearest, ties to even; below 2^22.
HWY_INLINE I32 rounded(const F32& v) {
#if HWY_TARGET == HWY_SCALAR
  // The sum ends with the nearest integer.
  return each<std::int32_t>(
      [](auto x) {
        const auto sum = hn::Add(x, hn::Set(F32::Tag(), 0x1.8p23f));
        return hn::Sub(hn::BitCast(I32::Tag(), sum), hn::Set(I32::Tag(), 0x4b400000));
      },
      v);
#elif HWY_TARGET == HWY_AVX2
  // NearestInt takes four instructions more for what is out of range.
  return each<std::int32_t>(
      [](auto x) LACONIC_LAMBDA { return hn::Vec<I32::Tag>{_mm256_cvtps_epi32(x.raw)}; }, v);
#else
  return each<std::int32_t>([](auto x) LACONIC_LAMBDA { return hn::NearestInt(x); }, v);
#endif
}

/// Towards zero; in range.
HWY_INLINE I32 truncated(const F32& v) {
#if HWY_TARGET == HWY_AVX2
  return each<std::int32_t>(
      [](auto x) LACONIC_LAMBDA { return hn::Vec<I32::Tag>{_mm256_cvttps_epi32(x.raw)}; }, v);
#else
  return each<std::int32_t>([](auto x) LACONIC_LAMBDA { return hn::ConvertTo(I32::Tag(), x); }, v);
#endif
}
HWY_INLINE F32 converted(const I32& v) {
  return each<float>([](auto x) LACONIC_LAMBDA { return hn::ConvertTo(F32::Tag(), x); }, v);
}
HWY_INLINE U32 as_unsigned(const I32& v) {
  return each<std::uint32_t>([](auto x) LACONIC_LAMBDA { return hn::BitCast(U32::Tag(), x); }, v);
}
HWY_INLINE I32 as_signed(const U32& v) {
  return each<std::int32_t>([](auto x) LACONIC_LAMBDA { return hn::BitCast(I32::Tag(), x); }, v);
}

HWY_INLINE U32 bits_of(const F32& v) {
  return each<std::uint32_t>([](auto x) LACONIC_LAMBDA { return hn::BitCast(U32::Tag(), x); }, v);
}
HWY_INLINE F32 float_of(const U32& v) {
  return each<float>([](auto x) LACONIC_LAMBDA { return hn::BitCast(F32::Tag(), x); }, v);
}

/// Lanes as smaller numbers of type T in memory, which need not be aligned; the upper bits of the
/// lanes are dropped.
template <typename T>
HWY_INLINE void store_narrow(const U32& v, void* to) {
  auto* bytes = static_cast<std::uint8_t*>(to);
  for (std::size_t i = 0; i < U32::kRegisters; ++i) {
#if HWY_TARGET <= HWY_AVX3
    // To bytes, Highway 1.0.3 takes others than the lowest on AVX3_DL.
    if constexpr (sizeof(T) == 1) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes + i * U32::kEach),
                       _mm512_cvtepi32_epi8(v.r[i].raw));
      continue;
    }
#endif
    const hn::Rebind<T, U32::Tag> d;
    const auto narrow = hn::TruncateTo(d, v.r[i]);
#if HWY_TARGET == HWY_SCALAR
    std::memcpy(bytes + i * sizeof(T), &narrow.raw, sizeof(T));
#else
    const hn::Repartition<std::uint8_t, decltype(d)> d8;
    hn::StoreU(hn::BitCast(d8, narrow), d8, bytes + i * U32::kEach * sizeof(T));
#endif
  }
}

/// 32 numbers below 2^16 as words of 16 bits, or 64 from -128 to 127 or to 255 as bytes. Where
/// registers are narrowed in pairs, this is half of the work of one at a time.
HWY_INLINE void store_halves(const U32& a, const U32& b, void* to) {
#if HWY_TARGET == HWY_AVX2
  auto* out = static_cast<__m256i*>(to);
  for (const U32* v : {&a, &b}) {
    // Pairs interleave their halves.
    const __m256i pair = _mm256_packus_epi32(v->r[0].raw, v->r[1].raw);
    _mm256_storeu_si256(out++, _mm256_permute4x64_epi64(pair, 0xD8));
  }
#else
  store_narrow<std::uint16_t>(a, to);
  store_narrow<std::uint16_t>(b, static_cast<std::uint16_t*>(to) + kLanes);
#endif
}

template <bool Signed, typename T>
HWY_INLINE void store_quarters(const Lanes<T> (&v)[4], void* to) {
#if HWY_TARGET == HWY_AVX2
  auto* out = static_cast<__m256i*>(to);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  for (std::size_t i = 0; i < 4; i += 2) {
    const __m256i a = _mm256_packs_epi32(v[i].r[0].raw, v[i].r[1].raw);
    const __m256i b = _mm256_packs_epi32(v[i + 1].r[0].raw, v[i + 1].r[1].raw);
    const __m256i bytes = Signed ? _mm256_packs_epi16(a, b) : _mm256_packus_epi16(a, b);
    _mm256_storeu_si256(out++, _mm256_permutevar8x32_epi32(bytes, order));
  }
#else
  for (std::size_t i = 0; i < 4; ++i)
    store_narrow<std::uint8_t>(
        each<std::uint32_t>([](auto x) LACONIC_LAMBDA { return hn::BitCast(U32::Tag(), x); }, v[i]),
        static_cast<std::uint8_t*>(to) + i * kLanes);
#endif
}

/// Of 64 lanes the lower seven bits, each below the sign of a float.
HWY_INLINE void store_with_signs(const U32 (&sizes)[4], const F32 (&signs)[4], void* to) {
#if HWY_TARGET == HWY_AVX2
  auto* out = static_cast<__m256i*>(to);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i seven = _mm256_set1_epi32(0x7f), sign = _mm256_set1_epi8(-128);
  for (std::size_t i = 0; i < 4; i += 2) {
    __m256i words[2], wide[2];
    for (std::size_t j = 0; j < 2; ++j) {
      const auto& size = sizes[i + j].r;
      const auto& value = signs[i + j].r;
      words[j] = _mm256_packs_epi32(_mm256_and_si256(size[0].raw, seven),
                                    _mm256_and_si256(size[1].raw, seven));
      // As integers they keep their signs where they are too large.
      wide[j] =
          _mm256_packs_epi32(_mm256_castps_si256(value[0].raw), _mm256_castps_si256(value[1].raw));
    }
    const __m256i bytes =
        _mm256_or_si256(_mm256_packs_epi16(words[0], words[1]),
                        _mm256_and_si256(_mm256_packs_epi16(wide[0], wide[1]), sign));
    _mm256_storeu_si256(out++, _mm256_permutevar8x32_epi32(bytes, order));
  }
#else
  for (std::size_t i = 0; i < 4; ++i)
    store_narrow<std::uint8_t>(
        (sizes[i] & splat(0x7fu)) | (shift_right<24>(bits_of(signs[i])) & splat(0x80u)),
        static_cast<std::uint8_t*>(to) + i * kLanes);
#endif
}

template <typename T>
HWY_INLINE U32 load_narrow(const void* from) {
  const auto* bytes = static_cast<const std::uint8_t*>(from);
  U32 out;
  for (std::size_t i = 0; i < U32::kRegisters; ++i) {
#if HWY_TARGET == HWY_SCALAR
    T narrow;
    std::memcpy(&narrow, bytes + i * sizeof(T), sizeof(T));
    out.r[i] = hn::Set(U32::Tag(), narrow);
#else
    const hn::Rebind<T, U32::Tag> d;
    const hn::Repartition<std::uint8_t, decltype(d)> d8;
    const auto narrow = hn::BitCast(d, hn::LoadU(d8, bytes + i * U32::kEach * sizeof(T)));
    out.r[i] = hn::PromoteTo(U32::Tag(), narrow);
#endif
  }
  return out;
}

/// To and from memory of any alignment.
template <typename T>
HWY_INLINE Lanes<T> load_bytes(const std::byte* from) {
  Lanes<T> out;
#if HWY_TARGET == HWY_SCALAR
  for (auto& r : out.r) std::memcpy(&r.raw, from, sizeof(T)), from += sizeof(T);
#else
  const hn::Repartition<std::uint8_t, typename Lanes<T>::Tag> d8;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(from);
  for (std::size_t i = 0; i < Lanes<T>::kRegisters; ++i)
    out.r[i] = hn::BitCast(typename Lanes<T>::Tag(),
                           hn::LoadU(d8, bytes + i * Lanes<T>::kEach * sizeof(T)));
#endif
  return out;
}

template <typename T>
HWY_INLINE void store_bytes(const Lanes<T>& v, std::byte* to) {
#if HWY_TARGET == HWY_SCALAR
  for (const auto& r : v.r) std::memcpy(to, &r.raw, sizeof(T)), to += sizeof(T);
#else
  const hn::Repartition<std::uint8_t, typename Lanes<T>::Tag> d8;
  auto* bytes = reinterpret_cast<std::uint8_t*>(to);
  for (std::size_t i = 0; i < Lanes<T>::kRegisters; ++i)
    hn::StoreU(hn::BitCast(d8, v.r[i]), d8, bytes + i * Lanes<T>::kEach * sizeof(T));
#endif
}

/// By a number of bits, below 32, that is known only when it runs.
HWY_INLINE U32 shift_left(const U32& v, unsigned bits) {
  return each<std::uint32_t>(
      [bits](auto x) LACONIC_LAMBDA { return hn::ShiftLeftSame(x, static_cast<int>(bits)); }, v);
}
HWY_INLINE U32 shift_right(const U32& v, unsigned bits) {
  return each<std::uint32_t>(
      [bits](auto x) LACONIC_LAMBDA { return hn::ShiftRightSame(x, static_cast<int>(bits)); }, v);
}

/// Of the lanes of one register, the last in all of them.
HWY_INLINE hn::Vec<U32::Tag> last_of(hn::Vec<U32::Tag> v) {
#if HWY_TARGET == HWY_SCALAR
  return v;
#else
  const hn::RebindToSigned<U32::Tag> d;
  return hn::TableLookupLanes(
      v, hn::IndicesFromVec(U32::Tag(), hn::Set(d, static_cast<std::int32_t>(U32::kEach - 1))));
#endif
}

/// The last of all lanes in all of them.
HWY_INLINE U32 last_of(const U32& v) {
  return each<std::uint32_t>([&v]() LACONIC_LAMBDA { return last_of(v.r[U32::kRegisters - 1]); });
}

/// Lane i becomes the sum of lanes 0 to i: within blocks of four, then over blocks, then over
/// registers.
HWY_INLINE U32 prefix_sums(U32 v) {
#if HWY_TARGET != HWY_SCALAR
  const U32::Tag d;
  const hn::RebindToSigned<U32::Tag> signed_d;
  for (auto& r : v.r) {
    r = r + hn::ShiftLeftLanes<1>(d, r);
    r = r + hn::ShiftLeftLanes<2>(d, r);
    for (std::size_t step = 4; step < U32::kEach; step *= 2) {
      // The last lane of the block that is `step` lanes before.
      const auto lane = hn::Iota(signed_d, -static_cast<std::int32_t>(step)) | hn::Set(signed_d, 3);
      const auto before =
          hn::TableLookupLanes(r, hn::IndicesFromVec(d, hn::Max(lane, hn::Zero(signed_d))));
      r = r + hn::IfThenZeroElse(hn::FirstN(d, step), before);
    }
  }
#endif
  for (std::size_t i = 1; i < U32::kRegisters; ++i) v.r[i] = v.r[i] + last_of(v.r[i - 1]);
  return v;
}

/// Bit i tells whether lane i is below the bound; both are below 2^31.
HWY_INLINE std::uint32_t lanes_below(const U32& v, std::uint32_t bound) {
  const I32::Tag d;
  const auto limit = hn::Set(d, static_cast<std::int32_t>(bound));
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < U32::kRegisters; ++i) {
    const auto below = hn::BitCast(d, v.r[i]) < limit;
#if HWY_TARGET == HWY_SCALAR
    bits |= std::uint32_t{hn::AllTrue(d, below)} << i;
#else
    std::uint8_t bytes[8] = {};
    hn::StoreMaskBits(d, below, bytes);
    std::uint32_t own;
    std::memcpy(&own, bytes, sizeof own);
    bits |= own << i * I32::kEach;
#endif
  }
  return bits;
}

/// a * b + c rounded once, also where the machine has no such instruction.
HWY_INLINE F32 fma(const F32& a, const F32& b, const F32& c) {
#if HWY_NATIVE_FMA
  return each<float>([](auto x, auto y, auto z) LACONIC_LAMBDA { return hn::MulAdd(x, y, z); }, a,
                     b, c);
#else
  float x[kLanes], y[kLanes], z[kLanes];
  store(a, x), store(b, y), store(c, z);
  for (std::size_t i = 0; i < kLanes; ++i) z[i] = std::fma(x[i], y[i], z[i]);
  return load(z);
#endif
}

/// |v| as bits, which order like the magnitudes; from kInfinityBits on, v is not finite.
HWY_INLINE U32 magnitude(const F32& v) { return bits_of(v) & splat<std::uint32_t>(0x7fffffff); }
inline constexpr std::uint32_t kInfinityBits = 0x7f800000;

HWY_INLINE std::uint32_t largest(const U32& v) {
  std::uint32_t lane[kLanes];
  store(v, lane);
  return *std::max_element(lane, lane + kLanes);
}

/// Lane i and lane i + 8, then i + 4, i + 2, i + 1: one order of addition for every target.
HWY_INLINE float sum(const F32& v) {
  float lane[kLanes];
  store(v, lane);
  for (std::size_t half = kLanes / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) lane[i] += lane[i + half];
  return lane[0];
}

HWY_INLINE std::int32_t sum(const I32& v) {
  auto total = v.r[0];
  for (std::size_t i = 1; i < I32::kRegisters; ++i) total = total + v.r[i];
  return hn::GetLane(hn::SumOfLanes(I32::Tag(), total));
}

/// f(i, width) for i = 0, 16, ... below n: `width` is kLanes, and at the end what is left. Inlined
/// twice, the first time with a width that is known to be whole.
template <typename F>
HWY_INLINE void for_lanes(std::size_t n, const F& f) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) f(i, std::integral_constant<std::size_t, kLanes>());
  if (i < n) f(i, n - i);
}

/// Loads and stores as for_lanes asks for them.
template <typename T>
HWY_INLINE Lanes<T> load(const T* from, std::integral_constant<std::size_t, kLanes>) {
  return load(from);
}
template <typename T>
HWY_INLINE void store(const Lanes<T>& v, T* to, std::integral_constant<std::size_t, kLanes>) {
  store(v, to);
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
