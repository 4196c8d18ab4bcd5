// Signs as bits, one for each value.
//
// For inclusion in files that Highway compiles once per target; hence no ordinary include guard.
#if defined(LACONIC_KERNELS_SIGN_BITS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LACONIC_KERNELS_SIGN_BITS_INL_H_
#undef LACONIC_KERNELS_SIGN_BITS_INL_H_
#else
#define LACONIC_KERNELS_SIGN_BITS_INL_H_
#endif

#include "compressors/kernels/strides-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

/// Bit i is the sign of in[i], of n of them; visit(v) sees sixteen values after another, with zeros
/// at the end.
template <typename Visit>
HWY_INLINE void encode_signs(const float* in, std::size_t n, std::byte* out, const Visit& visit) {
  encode_strides<1>(in, n, out, [&](const float* x, std::byte* to) LACONIC_LAMBDA {
    for (std::size_t j = 0; j < kStride; j += kLanes) visit(load(x + j));
#if HWY_TARGET == HWY_SCALAR
    std::uint64_t signs = 0;
    for (std::size_t j = 0; j < kStride; ++j) signs |= std::uint64_t{std::signbit(x[j])} << j;
    std::memcpy(to, &signs, sizeof signs);
#else
    const I32::Tag d;
    auto* bytes = reinterpret_cast<std::uint8_t*>(to);
    for (std::size_t j = 0; j < kStride; j += I32::kEach)
      hn::StoreMaskBits(d, hn::BitCast(d, hn::LoadU(F32::Tag(), x + j)) < hn::Zero(d),
                        bytes + j / 8);
#endif
  });
}

HWY_INLINE void encode_signs(const float* in, std::size_t n, std::byte* out) {
  encode_signs(in, n, out, [](const F32&) LACONIC_LAMBDA {});
}

/// The signs of sixteen values from two bytes, each in the highest bit of its lane.
HWY_INLINE U32 signs_of(const std::byte* bits) {
  alignas(64) static constexpr std::uint32_t kBit[kLanes] = {
      1,      1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
      1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
  std::uint16_t all;
  std::memcpy(&all, bits, sizeof all);
  // What is left of a bit after it is taken from zero is, if anything, the highest bit.
  const U32 own = splat<std::uint32_t>(all) & load(kBit);
  return (splat<std::uint32_t>(0) - own) & splat(0x80000000u);
}

/// out[i], which is not negative, gets the sign that bit i says.
HWY_INLINE void apply_signs(const std::byte* bits, std::size_t n, float* out) {
  const auto apply = [](const std::byte* from, float* to, std::size_t count) LACONIC_LAMBDA {
    for_lanes(count, [=](std::size_t j, auto width) LACONIC_LAMBDA {
      const U32 size = bits_of(load(to + j, width));
      store(float_of(size | signs_of(from + j / 8)), to + j, width);
    });
  };
  const std::size_t whole = n / kStride * kStride;
  apply(bits, out, whole);
  std::byte rest[kStride / 8] = {};
  std::memcpy(rest, bits + whole / 8, packed_bytes(n - whole, 1));
  apply(rest, out + whole, n - whole);
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
