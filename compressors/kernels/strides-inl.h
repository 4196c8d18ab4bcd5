// Buckets of values, 64 at a time, and codes of one to eight bits.
#if defined(LACONIC_KERNELS_STRIDES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LACONIC_KERNELS_STRIDES_INL_H_
#undef LACONIC_KERNELS_STRIDES_INL_H_
#else
#define LACONIC_KERNELS_STRIDES_INL_H_
#endif

#include "compressors/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

inline constexpr std::size_t kStride = 64;

constexpr std::size_t packed_bytes(std::size_t count, unsigned width) {
  return (count * width + 7) / 8;
}

/// encode_stride(in, out) turns 64 values from `in` into 64 * Width bits at
/// `out`. What is left at the end is filled up with zeros on the way in and cut on the way out.
template <unsigned Width, typename Encode>
HWY_INLINE void encode_strides(const float* in, std::size_t n, std::byte* out,
                               const Encode& encode_stride) {
  std::size_t i = 0;
  for (; i + kStride <= n; i += kStride) {
    // Of a bucket this is as a rule the last pass, and the others found it in the cache: unless the
    // next bucket is asked for now, memory has nothing to do meanwhile.
    constexpr std::size_t kAhead = 16 * kStride, kLine = 64 / sizeof(float);
    for (std::size_t j = 0; j < kStride; j += kLine) hwy::Prefetch(in + i + kAhead + j);
    encode_stride(in + i, out + i / 8 * Width);
  }
  if (i == n) return;
  float rest[kStride] = {};
  std::byte coded[kStride / 8 * Width];
  std::memcpy(rest, in + i, (n - i) * sizeof(float));
  encode_stride(rest, coded);
  std::memcpy(out + i / 8 * Width, coded, packed_bytes(n - i, Width));
}

/// The inverse: decode_stride(in, out) turns 64 * Width bits into 64 values.
template <unsigned Width, typename Decode>
HWY_INLINE void decode_strides(const std::byte* in, std::size_t n, float* out,
                               const Decode& decode_stride) {
  std::size_t i = 0;
  for (; i + kStride <= n; i += kStride) decode_stride(in + i / 8 * Width, out + i);
  if (i == n) return;
  float rest[kStride];
  std::byte coded[kStride / 8 * Width] = {};
  std::memcpy(coded, in + i / 8 * Width, packed_bytes(n - i, Width));
  decode_stride(coded, rest);
  std::memcpy(out + i, rest, (n - i) * sizeof(float));
}

/// The lowest Width bits of each of eight bytes, side by side.
template <unsigned Width>
constexpr std::uint64_t kLowBits = 0x0101010101010101 * ((1u << Width) - 1);

HWY_INLINE std::uint64_t gather_bits(std::uint64_t bytes, std::uint64_t mask) {
#if HWY_TARGET == HWY_SCALAR
  std::uint64_t out = 0;
  for (int bit = 0; mask != 0; mask &= mask - 1, ++bit)
    out |= (bytes & mask & -mask) != 0 ? std::uint64_t{1} << bit : 0;
  return out;
#else
  return _pext_u64(bytes, mask);
#endif
}

HWY_INLINE std::uint64_t scatter_bits(std::uint64_t bits, std::uint64_t mask) {
#if HWY_TARGET == HWY_SCALAR
  std::uint64_t out = 0;
  for (int bit = 0; mask != 0; mask &= mask - 1, ++bit)
    out |= (bits >> bit & 1) != 0 ? mask & -mask : 0;
  return out;
#else
  return _pdep_u64(bits, mask);
#endif
}

/// 64 codes below 2^Width, a byte each, as bits(Width)*.
template <unsigned Width>
HWY_INLINE void pack_stride(const std::uint8_t* codes, std::byte* out) {
  if constexpr (Width == 8) {
    std::memcpy(out, codes, kStride);
  } else {
    // Each store writes eight bytes, of which the next one overwrites what was too much.
    std::byte packed[8 * Width + 8];
    for (unsigned j = 0; j < 8; ++j) {
      std::uint64_t eight;
      std::memcpy(&eight, codes + 8 * j, 8);
      eight = gather_bits(eight, kLowBits<Width>);
      std::memcpy(packed + Width * j, &eight, 8);
    }
    std::memcpy(out, packed, 8 * Width);
  }
}

template <unsigned Width>
HWY_INLINE void unpack_stride(const std::byte* in, std::uint8_t* codes) {
  if constexpr (Width == 8) {
    std::memcpy(codes, in, kStride);
  } else {
    std::byte packed[8 * Width + 8] = {};
    std::memcpy(packed, in, 8 * Width);
    for (unsigned j = 0; j < 8; ++j) {
      std::uint64_t eight;
      std::memcpy(&eight, packed + Width * j, 8);
      eight = scatter_bits(eight, kLowBits<Width>);
      std::memcpy(codes + 8 * j, &eight, 8);
    }
  }
}

/// Calls f with a width of one to eight as a constant.
template <typename F>
HWY_INLINE void with_width(unsigned width, const F& f) {
  using std::integral_constant;
  switch (width) {
    case 1:
      return f(integral_constant<unsigned, 1>());
    case 2:
      return f(integral_constant<unsigned, 2>());
    case 3:
      return f(integral_constant<unsigned, 3>());
    case 4:
      return f(integral_constant<unsigned, 4>());
    case 5:
      return f(integral_constant<unsigned, 5>());
    case 6:
      return f(integral_constant<unsigned, 6>());
    case 7:
      return f(integral_constant<unsigned, 7>());
    default:
      return f(integral_constant<unsigned, 8>());
  }
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
