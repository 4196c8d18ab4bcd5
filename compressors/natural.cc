// Natural compression (Horváth et al., MSML 2022): each value to a power of two, at random to one
// of the two beside it such that it is right in the mean, or to the nearest.
//
//   values := bucket*
//   bucket := u8* bits(1)*               of 1,024 values, the last one of what is left: exponents
//                                        as a float has them, and signs
//
// Between a and 2a the variance is largest at 4a/3, where it is an eighth of the square; to
// nearest, the error is largest at 3a/2, where it is a third. Beyond 2^127 there is no power above.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/natural.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/philox-inl.h"
#include "compressors/kernels/sign_bits-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

constexpr std::uint32_t kLargestExponent = 254;

// What is added to the significand carries into the exponent where the value goes up. Both return
// the bits of the largest magnitude.
std::uint32_t encode_natural_nearest(const float* in, std::size_t n, std::byte* out) {
  U32 most = splat<std::uint32_t>(0);
  encode_strides<8>(in, n, out, [&](const float* x, std::byte* to) LACONIC_LAMBDA {
    for (std::size_t j = 0; j < kStride; j += kLanes) {
      const U32 m = magnitude(load(x + j));
      most = max(most, m);
      const U32 rounded = shift_right<23>(m + splat(0x400000u));
      store_narrow<std::uint8_t>(min(rounded, splat(kLargestExponent)), to + j);
    }
  });
  encode_signs(in, n, out + n);
  return largest(most);
}

std::uint32_t encode_natural_stochastic(const float* in, std::size_t n, std::byte* out,
                                        const RngKey& key, std::size_t begin) {
  Random16 random(key, begin, n);
  U32 most = splat<std::uint32_t>(0);
  encode_strides<8>(in, n, out, [&](const float* x, std::byte* to) LACONIC_LAMBDA {
    const std::uint16_t* const numbers = random.next();
    for (std::size_t j = 0; j < kStride; j += kLanes) {
      const U32 m = magnitude(load(x + j));
      most = max(most, m);
      // 16 random bits of 23, and the middle of what they leave open.
      const U32 fraction = shift_left<7>(load_narrow<std::uint16_t>(numbers + j)) + splat(0x40u);
      store_narrow<std::uint8_t>(min(shift_right<23>(m + fraction), splat(kLargestExponent)),
                                 to + j);
    }
  });
  encode_signs(in, n, out + n);
  return largest(most);
}

void decode_natural(const std::byte* exponents, const std::byte* signs, std::size_t n, float* out) {
  decode_strides<8>(exponents, n, out, [](const std::byte* from, float* to) LACONIC_LAMBDA {
    for (std::size_t j = 0; j < kStride; j += kLanes) {
      const U32 exponent = min(load_narrow<std::uint8_t>(from + j), splat(kLargestExponent));
      store(float_of(shift_left<23>(exponent)), to + j);
    }
  });
  apply_signs(signs, n, out);
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <limits>

#include "compressors/bucket_codec.h"
#include "compressors/codec_makers.h"
#include "compressors/kernels/vectors.h"

namespace laconic {
namespace kernels {

HWY_EXPORT(encode_natural_nearest);
HWY_EXPORT(encode_natural_stochastic);
HWY_EXPORT(decode_natural);

}  // namespace kernels

namespace {

class Natural final : public BucketCodec {
 public:
  explicit Natural(Rounding rounding) : BucketCodec({}, {}), rounding_(rounding) {}

  wire::Values id() const override { return wire::Values::natural; }
  std::string_view name() const override { return "natural"; }

  Guarantee guarantee(std::size_t) const override {
    if (rounding_ == Rounding::stochastic) return {1.0 / 8, 0};
    return {std::numeric_limits<double>::infinity(), 1 - 1.0 / 9};
  }

 private:
  std::size_t bucket_bytes(const Shape&, std::size_t count) const override {
    return count + (count + 7) / 8;
  }

  void encode_bucket(Floats in, std::byte* out, const Place& place) const override {
    using namespace kernels;
    require_finite(rounding_ == Rounding::nearest
                       ? HWY_DYNAMIC_DISPATCH(encode_natural_nearest)(in.data(), in.size(), out)
                       : HWY_DYNAMIC_DISPATCH(encode_natural_stochastic)(in.data(), in.size(), out,
                                                                         place.key, place.begin));
  }

  void decode_bucket(const Shape&, const std::byte* bucket, std::size_t count, std::size_t begin,
                     MutFloats out) const override {
    using namespace kernels;
    HWY_DYNAMIC_DISPATCH(decode_natural)
    (bucket + begin, bucket + count + begin / 8, out.size(), out.data());
  }

  Rounding rounding_;
};

}  // namespace

std::unique_ptr<const ValueCodec> make_natural_codec(Rounding rounding) {
  return std::make_unique<const Natural>(rounding);
}

}  // namespace laconic
#endif  // HWY_ONCE
