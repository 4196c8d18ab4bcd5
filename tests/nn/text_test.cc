#include "nn/text.h"

#include <gtest/gtest.h>

#include "base/errors.h"

namespace laconic {
namespace {

using Symbols = std::vector<std::uint8_t>;

TEST(Text, NumbersCharactersInTheOrderOfTheirBytes) {
  const auto text = parse_text("b a\xff\nb", 0.5, "test");
  EXPECT_EQ(text->alphabet, 5u);  // \n, space, a, b, 255
  EXPECT_EQ(text->train, (Symbols{3, 1, 2}));
  EXPECT_EQ(text->validation, (Symbols{4, 0, 3}));
}

TEST(Text, TakesAllBytes) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const auto text = parse_text(all, 0.25, "test");
  EXPECT_EQ(text->alphabet, 256u);
  EXPECT_EQ(text->train.size(), 192u);
  EXPECT_EQ(text->validation.back(), 255);
}

TEST(Text, RefusesWhatCannotBeLearned) {
  EXPECT_THROW(parse_text("", 0.1, "test"), DataError);
  EXPECT_THROW(parse_text("aaaa", 0.1, "test"), DataError);
  EXPECT_THROW(load_text({.path = "/nowhere/text"}), DataError);
  EXPECT_THROW(load_text({.path = "/"}), DataError);
}

}  // namespace
}  // namespace laconic
