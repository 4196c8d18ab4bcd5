#include "problems/libsvm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/errors.h"
#include "tests/data/test_data.h"

namespace laconic {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Libsvm, ReadsRows) {
  const auto data = parse_libsvm("+1 1:0.5 3:-2e-1\r\n-1\n 2.5\t4:7  \n0 2:1", "f");
  EXPECT_THAT(data->labels, ElementsAre(1, -1, 2.5, 0));
  EXPECT_THAT(data->begins, ElementsAre(0, 2, 2, 3, 4));
  EXPECT_THAT(data->columns, ElementsAre(0, 2, 3, 1));
  EXPECT_THAT(data->values, ElementsAre(0.5f, -0.2f, 7, 1));
  EXPECT_EQ(data->width, 4u);
}

TEST(Libsvm, RefusesWhatIsMalformedByFileAndLine) {
  struct Case {
    const char* text;
    const char* error;
  };
  const Case cases[] = {
      {"", "f: holds no examples"},
      {"1 1:1\n\n1 1:1\n", "f:2: expected a label, found an empty line"},
      {"1 1:1\n \n", "f:2: expected a label, found an empty line"},
      {"1 1:1\nyes 1:1\n", "f:2: expected a number as label, found \"yes\""},
      {"1:1 2:1\n", "f:1: expected a number as label, found \"1:1\""},
      {"nan 1:1\n", "f:1: expected a number as label, found \"nan\""},
      {"+-1 1:1\n", "f:1: expected a number as label, found \"+-1\""},
      {"1 2\n", "f:1: expected index:value, found \"2\""},
      {"1 2:\n", "f:1: expected index:value, found \"2:\""},
      {"1 :2\n", "f:1: expected index:value, found \":2\""},
      {"1 2:x\n", "f:1: expected index:value, found \"2:x\""},
      {"1 2:1x\n", "f:1: expected index:value, found \"2:1x\""},
      {"1 -2:1\n", "f:1: expected index:value, found \"-2:1\""},
      {"1 1.5:1\n", "f:1: expected index:value, found \"1.5:1\""},
      {"1 2: 1\n", "f:1: expected index:value, found \"2:\""},
      {"1 qid:1 1:1\n", "f:1: expected index:value, found \"qid:1\""},
      {"1 1:inf\n", "f:1: expected index:value, found \"1:inf\""},
      {"1 1:nan\n", "f:1: expected index:value, found \"1:nan\""},
      {"1 1:1e99\n", "f:1: expected index:value, found \"1:1e99\""},
      {"1 99999999999:1\n", "f:1: expected index:value, found \"99999999999:1\""},
      {"1 0:1\n", "f:1: index 0 is not in 1 to 2147483647"},
      {"1 2147483648:1\n", "f:1: index 2147483648 is not in 1 to 2147483647"},
      {"1 1:1\n1 3:1 2:1\n", "f:2: index 2 after 3: indices must ascend"},
      {"1 3:1 3:1\n", "f:1: index 3 after 3: indices must ascend"},
      {"1 1:1 # note\n", "f:1: expected index:value, found \"#\""},
      {"\x1f\x8b\x08 1:1\n", "f:1: expected a number as label"},
  };
  for (const auto& [text, error] : cases) {
    SCOPED_TRACE(text);
    try {
      parse_libsvm(text, "f");
      ADD_FAILURE() << "accepted";
    } catch (const DataError& e) {
      EXPECT_THAT(e.what(), HasSubstr(error));
    }
  }
}

TEST(Libsvm, ALongTokenIsShownInPart) {
  try {
    parse_libsvm(std::string(1 << 20, 'x'), "f");
    ADD_FAILURE() << "accepted";
  } catch (const DataError& e) {
    EXPECT_LT(std::string(e.what()).size(), 120u);
  }
}

TEST(Libsvm, RefusesFilesThatCannotBeRead) {
  EXPECT_THROW(load_libsvm("no/such/file"), DataError);
  EXPECT_THROW(load_libsvm(LACONIC_SMALL_TEST_DATA), DataError);  // a folder
  const auto empty = std::filesystem::path(testing::TempDir()) / "laconic_empty_libsvm";
  std::ofstream(empty).close();
  EXPECT_THROW(load_libsvm(empty), DataError);
  std::filesystem::remove(empty);
}

TEST(Libsvm, RealFilesHaveTheSizeTheyAreKnownBy) {
  // Rows, columns and non-zeros as the LIBSVM data page and a count of colons give them.
  const auto small = load_libsvm(small_test_data());
  EXPECT_EQ(small->rows(), 1000u);
  EXPECT_EQ(small->values.size(), 13858u);
  const auto a9a = load_libsvm(test_data("a9a"));
  EXPECT_EQ(a9a->rows(), 32561u);
  EXPECT_EQ(a9a->width, 123u);
  EXPECT_EQ(a9a->values.size(), 451592u);
  const auto phishing = load_libsvm(test_data("phishing"));
  EXPECT_EQ(phishing->rows(), 11055u);
  EXPECT_EQ(phishing->width, 68u);
  const auto w8a = load_libsvm(test_data("w8a"));  // rows without elements
  EXPECT_EQ(w8a->rows(), 49749u);
  EXPECT_EQ(w8a->width, 300u);
  const auto mushrooms = load_libsvm(test_data("mushrooms"));
  EXPECT_EQ(mushrooms->rows(), 8124u);
  EXPECT_EQ(mushrooms->width, 112u);
}

}  // namespace
}  // namespace laconic
