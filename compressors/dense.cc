#include "compressors/dense.h"

#include "base/check.h"
#include "base/errors.h"
#include "compressors/slices.h"
#include "compressors/wire/frame.h"

namespace laconic {
namespace {

class Dense final : public Compressor {
 public:
  Dense(std::string_view name, std::unique_ptr<const ValueCodec> codec, const FrameOptions& frame)
      : name_(name), codec_(std::move(codec)), frame_(frame) {}

  std::string_view name() const override { return name_; }
  Guarantee guarantee(std::size_t count) const override { return codec_->guarantee(count); }
  bool fixed_size() const override { return true; }
  std::size_t max_bytes(std::size_t count) const override {
    return wire::frame_bytes(0, codec_->bytes(count), frame_.checksum);
  }

  std::size_t encode(Floats in, MutBytes out, const Site& site) const override {
    wire::FrameWriter frame(out, wire::Selection::dense, in.size(), frame_);
    codec_->encode(in, values_of(frame, in.size(), site), site);
    return frame.finish();
  }

  std::size_t encode_residual(Floats gradient, MutFloats residual, Feedback feedback, MutBytes out,
                              const Site& site) const override {
    wire::FrameWriter frame(out, wire::Selection::dense, gradient.size(), frame_);
    codec_->encode_residual(gradient, residual, feedback, values_of(frame, gradient.size(), site),
                            site);
    return frame.finish();
  }

  void decode(Bytes bytes, MutFloats out) const override {
    const Bytes section = read(bytes, out.size());
    for_slices(frame_.threads, out.size(), [&](Slice slice) {
      codec_->decode(section, out.size(), slice.begin, part(out, slice));
    });
  }

  void decode_add(Bytes bytes, float scale, MutFloats sum) const override {
    codec_->decode_add(read(bytes, sum.size()), scale, sum, frame_.threads);
  }

 private:
  wire::SectionWriter& values_of(wire::FrameWriter& frame, std::size_t count,
                                 const Site& site) const {
    return frame.values(codec_->id(), codec_->bytes(count), site.scratch);
  }

  Bytes read(Bytes bytes, std::size_t count) const {
    const wire::Frame frame = wire::read_frame(bytes, wire::Selection::dense, codec_->id(), count);
    if (frame.coding != wire::Coding::all || !frame.indices.bytes.empty())
      throw WireError(frame.indices.offset, "indices where all are sent");
    codec_->validate(frame.payload, count);
    return frame.payload.bytes;
  }

  std::string_view name_;
  std::unique_ptr<const ValueCodec> codec_;
  FrameOptions frame_;
};

}  // namespace

std::unique_ptr<const Compressor> make_dense(std::string_view name,
                                             std::unique_ptr<const ValueCodec> codec,
                                             const FrameOptions& frame) {
  return std::make_unique<const Dense>(name, std::move(codec), frame);
}

}  // namespace laconic
