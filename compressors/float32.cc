// float32: values as they are.
#include <cstring>

#include "compressors/bucket_codec.h"
#include "compressors/codec_makers.h"
#include "compressors/kernels/vectors.h"

namespace laconic {
namespace {

// Its buckets are pieces for the first cache; nothing stands between them.
class Float32 final : public BucketCodec {
 public:
  Float32() : BucketCodec({}, {}) {}

  wire::Values id() const override { return wire::Values::float32; }
  std::string_view name() const override { return "float32"; }
  Guarantee guarantee(std::size_t) const override { return {0, 1}; }
  ValueLoss loss() const override { return lose_nothing; }

 private:
  std::size_t bucket_bytes(const Shape&, std::size_t count) const override { return 4 * count; }

  void encode_bucket(Floats in, std::byte* out, const Place&) const override {
    require_finite(in);
    std::memcpy(out, in.data(), in.size_bytes());
  }

  void decode_bucket(const Shape&, const std::byte* bucket, std::size_t, std::size_t begin,
                     MutFloats out) const override {
    if (!out.empty()) std::memcpy(out.data(), bucket + 4 * begin, out.size_bytes());
  }
};

}  // namespace

std::unique_ptr<const ValueCodec> make_float32_codec() { return std::make_unique<const Float32>(); }

}  // namespace laconic
