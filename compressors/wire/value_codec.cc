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

}  // namespace laconic
