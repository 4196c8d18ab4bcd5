// float32: values as they are.
#include <algorithm>
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
  std::size_t bytes(std::size_t count) const override { return 4 * count; }

  void encode(Floats in, wire::SectionWriter& out, const Site&) const override {
    for (; !in.empty(); in = in.subspan(std::min(kPiece, in.size())))
      put(in.first(std::min(kPiece, in.size())), out);
  }

  ValueLoss loss() const override { return lose_nothing; }

  void encode_residual(Floats gradient, MutFloats residual, Feedback feedback,
                       wire::SectionWriter& out, const Site&) const override {
    for (std::size_t begin = 0; begin < residual.size(); begin += kPiece) {
      const Slice piece{begin, std::min(kPiece, residual.size() - begin)};
      const MutFloats v = part(residual, piece);
      add_feedback(part(gradient, piece), v, feedback, v);
      put(v, out);
      std::ranges::fill(v, 0.0f);
    }
  }

  void validate(const wire::Section& section, std::size_t count) const override {
    require_length(section, 4 * count);
  }

  void decode(Bytes section, std::size_t, std::size_t begin, MutFloats out) const override {
    if (!out.empty()) std::memcpy(out.data(), &section[4 * begin], out.size_bytes());
  }

 private:
  static constexpr std::size_t kPiece = 16 * kStride;

  static void put(Floats in, wire::SectionWriter& out) {
    require_finite(in);
    std::memcpy(out.next(in.size_bytes()), in.data(), in.size_bytes());
  }
};

}  // namespace

std::unique_ptr<const ValueCodec> make_float32_codec() {
  return std::make_unique<const Float32Codec>();
}

}  // namespace laconic
