#include "compressors/wire/value_codec.h"

#include <algorithm>
#include <array>

#include "compressors/kernels/vectors.h"
#include "compressors/slices.h"

namespace laconic {
namespace {

// A multiple of kStride that sits well in the first level of cache.
constexpr std::size_t kPiece = 16 * ValueCodec::kStride;
static_assert(kSlice % kPiece == 0);

}  // namespace

void ValueCodec::decode_add(Bytes section, float scale, MutFloats sum, int threads) const {
  for_slices(threads, sum.size(), [&](Slice slice) {
    std::array<float, kPiece> piece;
    for (std::size_t begin = slice.begin; begin < slice.end(); begin += kPiece) {
      const std::size_t n = std::min(kPiece, slice.end() - begin);
      decode(section, sum.size(), begin, MutFloats(piece).first(n));
      add_scaled(Floats(piece).first(n), scale, sum.subspan(begin, n));
    }
  });
}

}  // namespace laconic
