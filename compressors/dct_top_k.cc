// DCT-Top-k (DeMo: Peng, Quesnelle, Kingma 2024): the discrete cosine transform of each 64
// neighbours, and of its coefficients the largest. Where neighbours move together, few coefficients
// say what many elements do. The transform is orthonormal, so what is dropped is as large as in
// Top-k of each block.
//
// Indices are those of coefficients: of a vector of n elements there are 64 ceil(n / 64), since the
// last block is filled up with zeros; what decodes beyond the vector is cut off. All blocks send
// equally many.
#include <algorithm>
#include <array>
#include <limits>

#include "base/errors.h"
#include "compressors/kernels/dct.h"
#include "compressors/kernels/positions.h"
#include "compressors/kernels/vectors.h"
#include "compressors/makers.h"
#include "compressors/slices.h"
#include "compressors/wire/frame.h"
#include "compressors/wire/indices.h"

namespace laconic {
namespace {

using kernels::kDctBlock;
using kernels::kDctTile;

std::size_t blocks_of(std::size_t count) { return (count + kDctBlock - 1) / kDctBlock; }

class DctTopK final : public Compressor {
 public:
  DctTopK(const DctTopKOptions& options, const FrameOptions& frame)
      : keep_(options.keep),
        codec_(make_value_codec(options.values, Rounding::nearest)),
        frame_(frame) {}

  std::string_view name() const override { return "dct_top_k"; }

  Guarantee guarantee(std::size_t count) const override {
    if (count == 0) return {0, 1};
    const double alpha = static_cast<double>(keep_) / double{kDctBlock};
    return compose({std::numeric_limits<double>::infinity(), alpha},
                   codec_->guarantee(keep_ * blocks_of(count)));
  }

  std::size_t max_bytes(std::size_t count) const override {
    return wire::frame_bytes(plan(count).max_bytes, codec_->bytes(keep_ * blocks_of(count)),
                             frame_.checksum);
  }

  std::size_t encode(Floats in, MutBytes out, const Site& site) const override {
    require_finite(in, frame_.threads);
    return write(in, out, site);
  }

  std::size_t encode_residual(Floats gradient, MutFloats residual, Feedback feedback, MutBytes out,
                              const Site& site) const override {
    add_feedback(gradient, residual, feedback, residual, frame_.threads);
    const std::size_t bytes = write(residual, out, site);
    read(out.first(bytes), residual.size(), [residual](Slice slice, Floats sent) {
      const MutFloats rest = part(residual, slice);
      subtract(rest, sent, rest);
    });
    return bytes;
  }

  void decode(Bytes bytes, MutFloats out) const override {
    read(bytes, out.size(), [out](Slice slice, Floats values) {
      std::ranges::copy(values, part(out, slice).begin());
    });
  }

  void decode_add(Bytes bytes, float scale, MutFloats sum) const override {
    read(bytes, sum.size(),
         [=](Slice slice, Floats values) { add_scaled(values, scale, part(sum, slice)); });
  }

 private:
  wire::IndexPlan plan(std::size_t count) const {
    const std::size_t blocks = blocks_of(count);
    return wire::plan_indices(keep_ * blocks, kDctBlock * blocks, IndexCoding::automatic);
  }

  std::size_t write(Floats in, MutBytes out, const Site& site) const {
    const Scratch::Scope scope(site.scratch);
    const std::size_t kept = keep_ * blocks_of(in.size());
    const auto indices = site.scratch.take<std::uint32_t>(kept);
    const MutFloats values = site.scratch.take<float>(kept);
    for_slices(
        frame_.threads, in.size(),
        [&](Slice slice) {
          for (std::size_t begin = slice.begin; begin < slice.end(); begin += kDctTile) {
            const Slice tile{begin, std::min(kDctTile, slice.end() - begin)};
            const Slice chosen{keep_ * (begin / kDctBlock), keep_ * blocks_of(tile.count)};
            choose(in, tile, indices.subspan(chosen.begin, chosen.count), part(values, chosen));
          }
        },
        kDctTile);
    wire::FrameWriter frame(out, wire::Selection::dct_top_k, in.size(), frame_);
    const wire::IndexPlan how = plan(in.size());
    frame.indices(how.coding, wire::write_indices(how, indices.first(kept),
                                                  kDctBlock * blocks_of(in.size()), frame.room()));
    codec_->encode(values, frame.values(codec_->id(), codec_->bytes(kept), site.scratch), site);
    return frame.finish();
  }

  // The coefficients that are kept of a tile of the vector.
  void choose(Floats in, Slice slice, std::span<std::uint32_t> indices, MutFloats values) const {
    std::array<float, kDctTile> tile, coefficients;
    std::array<std::uint64_t, kernels::kDctBlocks> chosen;
    std::array<std::uint32_t, kDctTile + kernels::kPositionSlack> positions;
    std::fill(std::ranges::copy(part(in, slice), tile.begin()).out, tile.end(), 0.0f);
    kernels::dct_choose(tile.data(), keep_, coefficients.data(), chosen.data());
    kernels::positions_of_ones(std::span(chosen).first(blocks_of(slice.count)), 0,
                               positions.data());
    for (std::size_t i = 0; i < values.size(); ++i) {
      indices[i] = static_cast<std::uint32_t>(slice.begin) + positions[i];
      values[i] = coefficients[kernels::dct_place(positions[i])];
    }
  }

  // Calls visit(slice, values) for one tile of the vector after another.
  template <typename Visit>
  void read(Bytes bytes, std::size_t count, const Visit& visit) const {
    const wire::Frame frame =
        wire::read_frame(bytes, wire::Selection::dct_top_k, codec_->id(), count);
    wire::IndexReader reader(frame.coding, frame.indices, kDctBlock * blocks_of(count));
    codec_->validate(frame.payload, reader.kept());
    std::array<float, kDctTile> coefficients{}, tile;
    std::size_t begin = 0;
    const auto finish_tile = [&] {
      kernels::inverse_dct(coefficients.data(), tile.data());
      const Slice slice{begin, std::min(kDctTile, count - begin)};
      visit(slice, Floats(tile).first(slice.count));
      coefficients.fill(0);
      begin += kDctTile;
    };
    std::array<float, wire::IndexReader::kPiece> values;
    std::size_t done = 0;
    for (auto indices = reader.next(); !indices.empty(); indices = reader.next()) {
      codec_->decode(frame.payload.bytes, reader.kept(), done,
                     MutFloats(values).first(indices.size()));
      for (std::size_t i = 0; i < indices.size(); ++i) {
        while (indices[i] >= begin + kDctTile) finish_tile();
        coefficients[kernels::dct_place(indices[i] - begin)] = values[i];
      }
      done += indices.size();
    }
    while (begin < count) finish_tile();
  }

  std::size_t keep_;
  std::unique_ptr<const ValueCodec> codec_;
  FrameOptions frame_;
};

}  // namespace

std::unique_ptr<const Compressor> make_dct_top_k(const DctTopKOptions& options,
                                                 const FrameOptions& frame) {
  if (options.keep < 1 || options.keep > kDctBlock) throw ConfigError("keep", "from 1 to 64");
  return std::make_unique<const DctTopK>(options, frame);
}

}  // namespace laconic
