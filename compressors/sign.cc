// sign: the sign of each value, and the mean magnitude of each bucket (Seide et al., "1-bit SGD",
// 2014; Karimireddy et al., "Error feedback fixes SignSGD", 2019).
//
//   values := bucket:u16 bucket*         bucket in units of 64 values
//   bucket := mean:f32 bits(1)*          a one: negative
//
// Of a bucket of n values with mean magnitude m it loses |x|² - n m²: at most 1 - 1/n, where a
// single value is not zero, and little where all are of one size.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/sign.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/sign_bits-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

// Returns the sum of magnitudes times `scale`, in 16 lanes that one fixed tree adds up.
float encode_sign(const float* in, std::size_t n, float scale, std::byte* out) {
  F32 total = splat(0.0f);
  encode_signs(in, n, out, [&](const F32& v) LACONIC_LAMBDA {
    total = total + float_of(magnitude(splat(scale) * v));
  });
  return sum(total);
}

void decode_sign(const std::byte* in, std::size_t n, float mean, float* out) {
  const U32 size = bits_of(splat(mean));
  decode_strides<1>(in, n, out, [&](const std::byte* from, float* to) LACONIC_LAMBDA {
    for (std::size_t j = 0; j < kStride; j += kLanes)
      store(float_of(size | signs_of(from + j / 8)), to + j);
  });
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <limits>

#include "compressors/bucket_codec.h"
#include "compressors/codec_makers.h"
#include "compressors/kernels/vectors.h"
#include "compressors/wire/endian.h"

namespace laconic {
namespace kernels {

HWY_EXPORT(encode_sign);
HWY_EXPORT(decode_sign);

}  // namespace kernels

namespace {

class Sign final : public BucketCodec {
 public:
  explicit Sign(const SignOptions& options)
      : BucketCodec({.bucket = true}, {.bucket = options.bucket}) {}

  wire::Values id() const override { return wire::Values::sign; }
  std::string_view name() const override { return "sign"; }

  // Where the mean is of denormal size it is right to one part in 2^8.
  Guarantee guarantee(std::size_t count) const override {
    if (count == 0) return {0, 1};
    return {std::numeric_limits<double>::infinity(),
            (1 - 0x1p-16) / static_cast<double>(std::min(count, shape().bucket))};
  }

 private:
  static constexpr std::size_t kMeanBytes = 4;

  std::size_t bucket_bytes(const Shape&, std::size_t count) const override {
    return kMeanBytes + (count + 7) / 8;
  }

  void encode_bucket(Floats in, std::byte* out, const Place&) const override {
    using namespace kernels;
    // The sum may be too large for a float where the mean is not.
    const float largest = largest_magnitude(in), unit = binade_of(largest);
    const float total =
        HWY_DYNAMIC_DISPATCH(encode_sign)(in.data(), in.size(), 1 / unit, out + kMeanBytes);
    wire::store(out, std::min(total / static_cast<float>(in.size()) * unit, largest));
  }

  void decode_bucket(const Shape&, const std::byte* bucket, std::size_t, std::size_t begin,
                     MutFloats out) const override {
    using namespace kernels;
    HWY_DYNAMIC_DISPATCH(decode_sign)
    (bucket + kMeanBytes + begin / 8, out.size(), wire::load<float>(bucket), out.data());
  }
};

}  // namespace

std::unique_ptr<const ValueCodec> make_sign_codec(const SignOptions& options) {
  return std::make_unique<const Sign>(options);
}

}  // namespace laconic
#endif  // HWY_ONCE
