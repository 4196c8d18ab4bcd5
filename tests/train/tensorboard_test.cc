#include "train/tensorboard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/errors.h"
#include "tests/train/ranks.h"

// Golden bytes are what the Python package tensorboard 2.21 writes; tests/train/read_events.py has
// it read ours.
namespace laconic {
namespace {

std::string from_hex(const std::string& digits) {
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string content(const std::filesystem::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

/// The data of every record of a file that is nothing but whole records.
std::vector<std::string> records_in(const std::filesystem::path& path) {
  const std::string file = content(path);
  std::vector<std::string> records;
  for (std::size_t at = 0; at < file.size();) {
    std::uint64_t length = 0;
    std::memcpy(&length, &file.at(at + 7) - 7, sizeof length);
    records.push_back(file.substr(at + 12, length));
    EXPECT_EQ(file.substr(at, length + 16), tfrecord(records.back()));
    at += length + 16;
  }
  return records;
}

/// An event as it would be at second 1 of the epoch.
std::string at_second_one(std::string event) {
  const double second = 1;
  std::memcpy(&event.at(8) - 7, &second, sizeof second);
  return event;
}

TEST(Crc32c, IsThatOfRfc3720) {
  std::string ascending, descending;
  for (char c = 0; c < 32; ++c)
    ascending.push_back(c), descending.push_back(static_cast<char>(31 - c));
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c(ascending), 0x46dd794eu);
  EXPECT_EQ(crc32c(descending), 0x113fdb5cu);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST(TfRecord, FramesData) {
  EXPECT_EQ(tfrecord("laconic"), from_hex("0700000000000000bbd79f116c61636f6e6963375a37e7"));
  EXPECT_EQ(tfrecord(""), from_hex("000000000000000029039807d8ea82a2"));
}

TEST(TensorBoard, WritesTheEventsThatTensorBoardWrites) {
  const test::TemporaryFolder folder;
  TensorBoard board(folder.path() / "tensorboard", 300);
  board.scalar("train/loss", 300, 0.75);
  board.scalar("train/nothing", 300, std::nan(""));
  board.flush();
  const auto records = records_in(board.path());
  ASSERT_EQ(records.size(), 3u);
  // The version names its step, 0, which the Python package leaves out.
  EXPECT_EQ(at_second_one(records[0]),
            from_hex("09000000000000f03f10001a0d627261696e2e4576656e743a32"));
  EXPECT_EQ(at_second_one(records[1]), from_hex("09000000000000f03f10ad023a020801"));
  EXPECT_EQ(at_second_one(records[2]),
            from_hex("09000000000000f03f10ac022a130a110a0a747261696e2f6c6f7373150000403f"));
}

TEST(TensorBoard, AResumeWritesAFileOfItsOwnThatSortsLater) {
  const test::TemporaryFolder folder;
  TensorBoard first(folder.path(), 0);
  const TensorBoard second(folder.path(), 20);
  EXPECT_LT(first.path().filename().string(), second.path().filename().string());
  first.scalar("still open", 1, 2);
  first.flush();
  EXPECT_EQ(records_in(first.path()).size(), 3u);
  EXPECT_EQ(records_in(second.path()).size(), 2u);
}

TEST(TensorBoard, WhatCannotBeWrittenIsAnError) {
  const test::TemporaryFolder folder;
  std::ofstream(folder.path() / "file") << "no folder";
  EXPECT_THROW(TensorBoard(folder.path() / "file", 0), DataError);
}

}  // namespace
}  // namespace laconic
