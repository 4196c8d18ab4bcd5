// Whole frames, by every compressor there is. Without a checksum, or no changed input would come
// further than that.
//
//   input := row of all_compressors():u8 frame
#include <algorithm>
#include <optional>

#include "base/errors.h"
#include "base/rng.h"
#include "compressors/wire/endian.h"
#include "tests/compressors/all_compressors.h"
#include "tests/fuzz/fuzzer.h"

namespace laconic::fuzz {
namespace {

// Longer vectors say nothing new; what the header claims is tried up to here, another length
// always.
constexpr std::size_t kMostElements = 10000;

using Compressors = std::vector<std::unique_ptr<const Compressor>>;

const Compressors& compressors() {
  static const Compressors table = [] {
    Compressors all;
    for (const NamedOptions& row : all_compressors())
      all.push_back(make_compressor(row.options, {.checksum = false}));
    return all;
  }();
  return table;
}

/// What the header says, as a decoder's caller would have to guess it.
std::size_t count_of(Bytes frame) {
  const std::size_t count = frame.size() < 8 ? 0 : wire::load<std::uint32_t>(&frame[4]);
  return count <= kMostElements ? count : 1000;
}

/// Nothing where the frame is refused.
template <typename Decode>
std::optional<std::vector<float>> decoded(std::size_t count, float start, Decode decode) {
  std::vector<float> out(count, start);
  try {
    decode(out);
    return out;
  } catch (const WireError&) {
    return std::nullopt;
  }
}

/// Equal, or both no number; zeros may differ in sign.
bool same(const std::optional<std::vector<float>>& a, const std::optional<std::vector<float>>& b) {
  if (!a || !b) return !a && !b;
  return std::ranges::equal(*a, *b, [](float x, float y) { return x == y || (x != x && y != y); });
}

}  // namespace

void run(Bytes input) {
  const Compressor& compressor = *compressors()[take<std::uint8_t>(input) % compressors().size()];
  const std::size_t count = count_of(input);
  const auto whole = decoded(count, 7, [&](MutFloats out) { compressor.decode(input, out); });
  const auto sum = decoded(count, 0, [&](MutFloats out) { compressor.decode_add(input, 1, out); });
  require(same(whole, sum), "decode_add to nothing is decode");

  const auto twice = decoded(count, 0, [&](MutFloats out) {
    const Bytes frames[] = {input, input};
    compressor.decode_add_all(frames, 0.5f, out);
  });
  require(whole.has_value() == twice.has_value(), "all decoders refuse the same frames");

  if (const auto* sparsifier = dynamic_cast<const Sparsifier*>(&compressor)) {
    const auto scattered = decoded(count, 0, [&](MutFloats out) {
      SparseList list;
      sparsifier->decode_list(input, out.size(), list);
      for (std::size_t i = 0; i < list.indices.size(); ++i) out[list.indices[i]] = list.values[i];
    });
    require(same(whole, scattered), "a list is what decode scatters");
  }
}

std::vector<Input> seeds() {
  std::vector<Input> all;
  Scratch scratch;
  const RngKey key = make_key(2, 0, 0, RngPurpose::test);
  const Site site{key, key, 0, 4, scratch};
  for (std::size_t row = 0; row < compressors().size(); ++row)
    for (const std::size_t count : {1, 65, 600}) {
      std::vector<float> values(count);
      for (std::size_t i = 0; i < count; ++i)
        values[i] = i % 7 == 3 ? 0 : static_cast<float>(normal(key, i));
      Input frame(compressors()[row]->max_bytes(count)), input;
      frame.resize(compressors()[row]->encode(values, frame, site));
      put(input, static_cast<std::uint8_t>(row));
      put(input, frame);
      all.push_back(std::move(input));
    }
  return all;
}

}  // namespace laconic::fuzz
