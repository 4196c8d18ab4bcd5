#include "compressors/wire/value_codec.h"

#include <algorithm>
#include <array>

#include "compressors/kernels/vectors.h"

namespace laconic {
namespace {

// A multiple of kStride that sits well in the first level of cache.
constexpr std::size_t kPiece = 16 * ValueCodec::kStride;

}  // namespace

void ValueCodec::decode_add(Bytes section, float scale, MutFloats sum) const {
  std::array<float, kPiece> piece;
  for (std::size_t begin = 0; begin < sum.size(); begin += kPiece) {
    const std::size_t n = std::min(kPiece, sum.size() - begin);
    decode(section, sum.size(), begin, MutFloats(piece).first(n));
    add_scaled(Floats(piece).first(n), scale, sum.subspan(begin, n));
  }
}

std::size_t ValueCodec::encode_residual(Floats gradient, MutFloats residual, Feedback feedback,
                                        MutBytes out, const Site& site) const {
  add_feedback(gradient, residual, feedback, residual);
  const std::size_t bytes = encode(residual, out, site);
  std::array<float, kPiece> piece;
  for (std::size_t begin = 0; begin < residual.size(); begin += kPiece) {
    const MutFloats part = residual.subspan(begin, std::min(kPiece, residual.size() - begin));
    const MutFloats decoded = MutFloats(piece).first(part.size());
    decode(out.first(bytes), residual.size(), begin, decoded);
    subtract(part, decoded, part);
  }
  return bytes;
}

}  // namespace laconic
