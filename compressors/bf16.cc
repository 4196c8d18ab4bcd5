// bf16: the upper half of a float. Eight bits of significand, all of its exponents.
//
//   values := u16*
//
// To nearest, ties to even; or up with the probability that the lower half is of a whole unit,
// which leaves values unbiased. The largest floats would become infinite and are held at the
// largest bf16.
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/bf16.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/philox-inl.h"
#include "compressors/kernels/strides-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

// Sign and upper half of a magnitude that was rounded by adding to its lower half.
HWY_INLINE U32 upper_half(const F32& x, const U32& rounded) {
  const U32 sign = shift_right<16>(bits_of(x)) & splat<std::uint32_t>(0x8000);
  return sign | min(shift_right<16>(rounded), splat<std::uint32_t>(0x7f7f));
}

// All but the last bit of half a unit carries just where nearest rounds up; an odd unit carries at
// the half as well.
HWY_INLINE U32 nearest(const F32& v) {
  const U32 m = magnitude(v), odd = shift_right<16>(m) & splat<std::uint32_t>(1);
  return upper_half(v, m + odd + splat<std::uint32_t>(0x7fff));
}

// Both return the bits of the largest magnitude.
std::uint32_t encode_bf16_nearest(const float* in, std::size_t n, std::byte* out) {
  U32 most = splat<std::uint32_t>(0);
  encode_strides<16>(in, n, out, [&](const float* x, std::byte* to) LACONIC_LAMBDA {
    for (std::size_t j = 0; j < kStride; j += 2 * kLanes) {
      const F32 a = load(x + j), b = load(x + j + kLanes);
      most = max(most, max(magnitude(a), magnitude(b)));
      store_halves(nearest(a), nearest(b), to + 2 * j);
    }
  });
  return largest(most);
}

std::uint32_t encode_bf16_stochastic(const float* in, std::size_t n, std::byte* out,
                                     const RngKey& key, std::size_t begin) {
  Random16 random(key, begin, n);
  U32 most = splat<std::uint32_t>(0);
  encode_strides<16>(in, n, out, [&](const float* x, std::byte* to) LACONIC_LAMBDA {
    const std::uint16_t* const numbers = random.next();
    const auto coded = [&](std::size_t j) LACONIC_LAMBDA {
      const F32 v = load(x + j);
      const U32 m = magnitude(v);
      most = max(most, m);
      return upper_half(v, m + load_narrow<std::uint16_t>(numbers + j));
    };
    for (std::size_t j = 0; j < kStride; j += 2 * kLanes)
      store_halves(coded(j), coded(j + kLanes), to + 2 * j);
  });
  return largest(most);
}

void lose_bf16(const float* in, std::size_t n, float* lost) {
  for_lanes(n, [&](std::size_t i, auto width) LACONIC_LAMBDA {
    const F32 v = load(in + i, width);
    store(v - float_of(shift_left<16>(nearest(v))), lost + i, width);
  });
}

void decode_bf16(const std::byte* in, std::size_t n, float* out) {
  decode_strides<16>(in, n, out, [](const std::byte* from, float* to) LACONIC_LAMBDA {
    for (std::size_t j = 0; j < kStride; j += kLanes)
      store(float_of(shift_left<16>(load_narrow<std::uint16_t>(from + 2 * j))), to + j);
  });
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "compressors/bucket_codec.h"
#include "compressors/codec_makers.h"
#include "compressors/kernels/vectors.h"

namespace laconic {
namespace kernels {

HWY_EXPORT(encode_bf16_nearest);
HWY_EXPORT(encode_bf16_stochastic);
HWY_EXPORT(lose_bf16);
HWY_EXPORT(decode_bf16);

}  // namespace kernels

namespace {

class Bf16 final : public BucketCodec {
 public:
  explicit Bf16(Rounding rounding) : BucketCodec({}, {}), rounding_(rounding) {}

  wire::Values id() const override { return wire::Values::bf16; }
  std::string_view name() const override { return "bf16"; }

  // A unit is at most 2^-7 of a value. Nearest errs by half of it, stochastic rounding with a
  // variance of at most a quarter of its square.
  Guarantee guarantee(std::size_t) const override {
    if (rounding_ == Rounding::stochastic) return {0x1p-16, 0};
    return {std::numeric_limits<double>::infinity(), 1 - 0x1p-16};
  }

  ValueLoss loss() const override {
    return rounding_ == Rounding::nearest ? lose_nearest : nullptr;
  }

 private:
  static void lose_nearest(Floats values, MutFloats lost) {
    using namespace kernels;
    HWY_DYNAMIC_DISPATCH(lose_bf16)(values.data(), values.size(), lost.data());
  }

  std::size_t bucket_bytes(const Shape&, std::size_t count) const override { return 2 * count; }

  void encode_bucket(Floats in, std::byte* out, const Place& place) const override {
    using namespace kernels;
    require_finite(rounding_ == Rounding::nearest
                       ? HWY_DYNAMIC_DISPATCH(encode_bf16_nearest)(in.data(), in.size(), out)
                       : HWY_DYNAMIC_DISPATCH(encode_bf16_stochastic)(in.data(), in.size(), out,
                                                                      place.key, place.begin));
  }

  void decode_bucket(const Shape&, const std::byte* bucket, std::size_t, std::size_t begin,
                     MutFloats out) const override {
    using namespace kernels;
    HWY_DYNAMIC_DISPATCH(decode_bf16)(bucket + 2 * begin, out.size(), out.data());
  }

  Rounding rounding_;
};

}  // namespace

std::unique_ptr<const ValueCodec> make_bf16_codec(Rounding rounding) {
  return std::make_unique<const Bf16>(rounding);
}

}  // namespace laconic
#endif  // HWY_ONCE
