#include "collectives/exchange/landing.h"

#include <gtest/gtest.h>

#include "base/errors.h"
#include "collectives/exchange/frames.h"
#include "tests/collectives/exchange_rows.h"

namespace laconic::test {
namespace {

constexpr std::size_t kLength = 20000;

/// A frame of `where`, of a vector that only this test has.
std::vector<std::byte> frame_of(const Compressor& compressor, Slice where) {
  Scratch scratch;
  const auto vector = floats(1, where.begin, where.count);
  std::vector<std::byte> frame(compressor.max_bytes(where.count));
  const Site site = {make_key(1, 0, 0, RngPurpose::test), make_key(1, 0, 0, RngPurpose::test), 0, 1,
                     scratch};
  frame.resize(compressor.encode(vector, frame, site));
  return frame;
}

/// Slices land out of order, some as lists and some not, and some of the vector is not landed.
TEST(Landing, GivesInPiecesWhatItSpreads) {
  const auto sparse = make_compressor(top_k(0.01)), full = make_compressor(top_k(0.5)),
             dense = make_compressor(QuantizerOptions{Bf16Options{}});
  const std::vector<std::pair<Slice, const Compressor*>> rows{
      {{9000, 5000}, sparse.get()}, {{0, 2048}, sparse.get()},    {{2048, 2049}, sparse.get()},
      {{14000, 3000}, full.get()},  {{17000, 1000}, dense.get()}, {{19999, 1}, sparse.get()}};
  const auto start = floats(2, 0, kLength);
  std::vector<float> expected = start, spread = start, left = start;
  Landing landing, in_pieces;
  landing.begin(spread), in_pieces.begin(left);
  for (int round = 0; round < 2; ++round) {  // the second in memory of the first
    for (const auto& [where, compressor] : rows) {
      const auto frame = frame_of(*compressor, where);
      compressor->decode(frame, part(MutFloats(expected), where));
      landing.land(frame, *compressor, where);
      in_pieces.land(frame, *compressor, where);
    }
    const Slice shared{18000, 1500};
    const auto one = frame_of(*sparse, {0, 1500}), two = frame_of(*sparse, {1500, 1500});
    const std::vector<Bytes> frames{one, two};
    average(frames, *sparse, part(MutFloats(expected), shared));
    landing.land_mean(frames, *sparse, shared);
    in_pieces.land_mean(frames, *sparse, shared);
    EXPECT_EQ(joined(in_pieces, kLength), expected);
    landing.spread();
    EXPECT_EQ(spread, expected);
    EXPECT_EQ(joined(landing, kLength), expected) << "of what was spread, too";
    landing.begin(spread), in_pieces.begin(left);
  }
  EXPECT_EQ(part(Floats(left), {0, 2048}).front(), start.front()) << "a list is not written";
}

TEST(Landing, RefusesAFrameOfAnotherLength) {
  const auto sparse = make_compressor(top_k(0.01));
  std::vector<float> vector(kLength);
  Landing landing;
  landing.begin(vector);
  EXPECT_THROW(landing.land(frame_of(*sparse, {0, 5000}), *sparse, {0, 5001}), WireError);
}

}  // namespace
}  // namespace laconic::test
