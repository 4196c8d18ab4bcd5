#include "train/durable_file.h"

#include <gtest/gtest.h>

#include "base/errors.h"
#include "tests/train/ranks.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;

std::string text_in(const fs::path& path) {
  const auto bytes = read_bytes(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(DurableFile, ReplacesTheFileAndLeavesNothingBeside) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a" / "b" / "file";
  write_durably(path, std::string_view("one"));
  EXPECT_EQ(text_in(path), "one");
  write_durably(path, std::string_view(""));
  EXPECT_EQ(text_in(path), "");
  EXPECT_EQ(std::distance(fs::directory_iterator(path.parent_path()), {}), 1);
}

TEST(DurableFile, WhatCannotBeWrittenIsSaidWithItsName) {
  const test::TemporaryFolder folder;
  write_durably(folder.path() / "file", std::string_view("no folder"));
  try {
    write_durably(folder.path() / "file" / "below", std::string_view("x"));
    FAIL();
  } catch (const DataError& e) {
    EXPECT_NE(std::string(e.what()).find((folder.path() / "file").string()), std::string::npos);
  }
  EXPECT_THROW(read_bytes(folder.path() / "none"), DataError);
}

}  // namespace
}  // namespace laconic
