#include "base/state.h"

#include <gtest/gtest.h>

#include "base/errors.h"

namespace laconic {
namespace {

std::vector<std::byte> example() {
  StateWriter writer;
  writer.u64("step", 17);
  StateWriter::Scope outer(writer, "method");
  writer.floats("momentum", std::vector<float>{1, 2, 3});
  StateWriter::Scope inner(writer, "rule");
  writer.bytes("raw", {});
  return writer.blob();
}

TEST(State, ComesBackByNameInAnyOrder) {
  const auto blob = example();
  StateReader reader(blob, "file");
  {
    StateReader::Scope scope(reader, "method");
    EXPECT_EQ(reader.floats("momentum"), (std::vector<float>{1, 2, 3}));
    EXPECT_TRUE(reader.bytes("rule/raw").empty());
    EXPECT_FALSE(reader.has("step"));
  }
  EXPECT_EQ(reader.u64("step"), 17u);
}

TEST(State, RefusesWhatDoesNotFit) {
  const auto blob = example();
  StateReader reader(blob, "file");
  std::vector<float> two(2);
  EXPECT_THROW(reader.floats("method/momentum", two), DataError);
  EXPECT_THROW(reader.floats("step"), DataError);
  EXPECT_THROW(reader.u64("nothing"), DataError);
}

TEST(State, EveryTruncationIsRefusedOrEndsAtAnEntry) {
  const auto blob = example();
  int whole = 0;
  for (std::size_t n = 0; n < blob.size(); ++n) {
    try {
      StateReader reader(Bytes(blob).first(n), "file");
      ++whole;
    } catch (const DataError&) {
    }
  }
  EXPECT_EQ(whole, 3);  // nothing, one entry, two entries
}

}  // namespace
}  // namespace laconic
