// float32: values as they are.
#include <cstring>

#include "base/errors.h"
#include "compressors/codec_makers.h"
#include "compressors/kernels/vectors.h"

namespace laconic {
namespace {

void require_length(const wire::Section& section, std::size_t bytes) {
  if (section.bytes.size() != bytes)
    throw WireError(section.offset, "the values' length does not fit their number");
}

class Float32Codec final : public ValueCodec {
 public:
  wire::Values id() const override { return wire::Values::float32; }
  std::string_view name() const override { return "float32"; }
  Guarantee guarantee(std::size_t) const override { return {0, 1}; }
  std::size_t max_bytes(std::size_t count) const override { return 4 * count; }

  std::size_t encode(Floats in, MutBytes out, const Site&) const override {
    require_finite(in);
    if (!in.empty()) std::memcpy(out.data(), in.data(), in.size_bytes());
    return in.size_bytes();
  }

  void validate(const wire::Section& section, std::size_t count) const override {
    require_length(section, 4 * count);
  }

  void decode(Bytes section, std::size_t, std::size_t begin, MutFloats out) const override {
    if (!out.empty()) std::memcpy(out.data(), &section[4 * begin], out.size_bytes());
  }
};

}  // namespace

std::unique_ptr<const ValueCodec> make_float32_codec() {
  return std::make_unique<const Float32Codec>();
}

}  // namespace laconic
