// The section of values in every format.
//
//   input := row of codecs():u8 count:u16 section
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <variant>

#include "base/errors.h"
#include "base/rng.h"
#include "compressors/makers.h"
#include "tests/fuzz/fuzzer.h"

namespace laconic::fuzz {
namespace {

constexpr std::size_t kMostValues = 2200;  // two buckets and some more

using Codecs = std::vector<std::unique_ptr<const ValueCodec>>;

// Every alternative of ValueFormat; how a codec rounds is its encoder's business.
template <std::size_t... I>
Codecs make_codecs(std::index_sequence<I...>) {
  Codecs all;
  (all.push_back(make_value_codec(std::variant_alternative_t<I, ValueFormat>{}, Rounding::nearest)),
   ...);
  return all;
}

const Codecs& codecs() {
  static const Codecs table =
      make_codecs(std::make_index_sequence<std::variant_size_v<ValueFormat>>{});
  return table;
}

// A reader may begin at any stride: what it finds there is what the whole section holds.
void require_same_by_strides(const ValueCodec& codec, Bytes section, Floats whole) {
  constexpr std::size_t kPiece = 3 * ValueCodec::kStride;
  std::array<float, kPiece> memory;
  for (std::size_t begin = 0; begin < whole.size(); begin += kPiece) {
    const MutFloats piece = MutFloats(memory).first(std::min(kPiece, whole.size() - begin));
    codec.decode(section, whole.size(), begin, piece);
    require(std::memcmp(piece.data(), &whole[begin], piece.size_bytes()) == 0,
            "pieces of a section are as the whole");
  }
}

}  // namespace

void run(Bytes input) {
  const ValueCodec& codec = *codecs()[take<std::uint8_t>(input) % codecs().size()];
  const std::size_t count = take<std::uint16_t>(input) % (kMostValues + 1);
  try {
    codec.validate({input, 0}, count);
    std::vector<float> whole(count), sum(count, 1);
    codec.decode(input, count, 0, whole);
    require_same_by_strides(codec, input, whole);
    codec.decode_add(input, 0.5f, sum);
  } catch (const WireError&) {
  }
}

std::vector<Input> seeds() {
  std::vector<Input> all;
  Scratch scratch;
  const RngKey key = make_key(1, 0, 0, RngPurpose::test);
  const Site site{key, key, 0, 1, scratch};
  for (std::size_t row = 0; row < codecs().size(); ++row)
    for (const std::size_t count : {0, 1, 63, 64, 1100}) {
      std::vector<float> values(count);
      for (std::size_t i = 0; i < count; ++i)
        values[i] = i % 7 == 3 ? 0 : static_cast<float>(normal(key, i));
      Input section(codecs()[row]->bytes(count)), input;
      wire::SectionWriter out(section);
      codecs()[row]->encode(values, out, site);
      out.finish();
      put(input, static_cast<std::uint8_t>(row));
      put(input, static_cast<std::uint16_t>(count));
      put(input, section);
      all.push_back(std::move(input));
    }
  return all;
}

}  // namespace laconic::fuzz
