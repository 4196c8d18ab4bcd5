#include "train/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "base/errors.h"
#include "tests/train/ranks.h"
#include "train/durable_file.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;
using test::message_of;
using testing::HasSubstr;

std::vector<std::byte> blob_of(int rank, std::uint64_t step, std::size_t size = 100) {
  std::vector<std::byte> blob(size);
  for (std::size_t i = 0; i < size; ++i)
    blob[i] = static_cast<std::byte>(i * 7 + static_cast<std::size_t>(rank) + step);
  return blob;
}

void overwrite(const fs::path& path, Bytes content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(content.data()),
            static_cast<std::streamsize>(content.size()));
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

// ----------------------------------------------------------------------------------- the file
// alone

constexpr CheckpointHeader kHeader{
    .config_hash = 0x0123456789abcdef, .ranks = 4, .rank = 2, .step = 77};

TEST(CheckpointFile, IsTheBytesThatItsCommentSays) {
  const auto blob = std::vector{std::byte{0xaa}, std::byte{0xbb}, std::byte{0xcc}};
  const std::vector<unsigned char> golden{
      'L',  'A',  'C',  'O',  'N',  'I',  'C',  '\n',  // magic
      1,    0,    0,    0,    4,    0,    0,    0,    2,    0,    0,
      0,    0,    0,    0,    0,                       // version, ranks, rank, zero
      77,   0,    0,    0,    0,    0,    0,    0,     // step
      0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01,  // config hash
      3,    0,    0,    0,    0,    0,    0,    0,    0xaa, 0xbb, 0xcc,  // blob
      0xcb, 0xee, 0xdf, 0xf6, 0xf0, 0x11, 0x9d, 0x1f};  // XXH3, by the Python package xxhash
  std::vector<unsigned char> bytes;
  for (const auto b : encode_checkpoint(kHeader, blob))
    bytes.push_back(std::to_integer<unsigned char>(b));
  EXPECT_EQ(bytes, golden);
}

TEST(CheckpointFile, ComesBack) {
  const test::TemporaryFolder folder;
  for (const std::size_t size : {0, 1, 1000}) {
    overwrite(folder.path() / "f", encode_checkpoint(kHeader, blob_of(2, 77, size)));
    const auto file = read_checkpoint(folder.path() / "f");
    EXPECT_EQ(file.header, kHeader);
    EXPECT_EQ(file.blob, blob_of(2, 77, size));
  }
}

TEST(CheckpointFile, EveryTruncationAndEveryFlippedBitIsFound) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "f";
  const auto whole = encode_checkpoint(kHeader, blob_of(2, 77));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    overwrite(path, Bytes(whole).first(size));
    EXPECT_THROW(read_checkpoint(path), DataError) << size;
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto flipped = whole;
    flipped[i] ^= std::byte{1} << (i % 8);
    overwrite(path, flipped);
    EXPECT_THROW(read_checkpoint(path), DataError) << i;
  }
  auto longer = whole;
  longer.push_back({});
  overwrite(path, longer);
  EXPECT_THROW(read_checkpoint(path), DataError);
}

// ------------------------------------------------------------------------------------- with others

constexpr std::uint64_t kHash = 42;

/// Ranks that share a folder, or have one each.
class CheckpointsTest : public testing::TestWithParam<bool> {
 protected:
  static constexpr int kRanks = 3;

  fs::path folder(int rank) const {
    return out_.path() / (GetParam() ? "host-" + std::to_string(rank) : "shared");
  }
  fs::path step_folder(int rank, std::uint64_t step) const {
    const std::string digits = std::to_string(step);
    const auto zeros = digits.size() < 8 ? 8 - digits.size() : 0;
    return folder(rank) / ("step-" + std::string(zeros, '0') + digits);
  }
  fs::path file(int rank, std::uint64_t step) const {
    return step_folder(rank, step) / ("rank-" + std::to_string(rank) + ".ckpt");
  }
  fs::path manifest(std::uint64_t step) const { return step_folder(0, step) / "manifest.json"; }

  Checkpoints checkpoints(Transport& t, std::uint32_t keep = 2, std::uint64_t hash = kHash) const {
    return Checkpoints(folder(t.rank()), hash, keep, t, quiet_log());
  }

  void save(const std::vector<std::uint64_t>& steps, std::uint32_t keep = 2) const {
    test::on_ranks(kRanks, [&](Transport& t) {
      auto all = checkpoints(t, keep);
      for (const auto step : steps) all.save(step, blob_of(t.rank(), step));
    });
  }

  /// The step that all ranks resume from, each with its own blob; 0 for none.
  std::uint64_t resumed() const {
    std::vector<std::uint64_t> steps(kRanks);
    test::on_ranks(kRanks, [&](Transport& t) {
      const auto found = checkpoints(t).load_newest();
      if (!found) return;
      steps[static_cast<std::size_t>(t.rank())] = found->step;
      EXPECT_EQ(found->blob, blob_of(t.rank(), found->step));
      EXPECT_EQ(found->file, file(t.rank(), found->step));
    });
    EXPECT_THAT(steps, testing::Each(steps[0]));
    return steps[0];
  }

  /// What every rank says when it is refused, the same on all.
  std::string refusal(int ranks = kRanks, std::uint64_t hash = kHash) const {
    const auto thrown =
        test::outcomes(ranks, {}, [&](Transport& t) { checkpoints(t, 2, hash).load_newest(); });
    std::string first_hand;
    for (const auto& e : thrown) {
      try {
        if (e) std::rethrow_exception(e);
        ADD_FAILURE() << "a rank went on";
      } catch (const TransportError&) {  // it heard from the others
      } catch (const Error& error) {
        first_hand = error.what();
        status_ = error.status();
      }
    }
    for (const auto& e : thrown) EXPECT_THAT(message_of(e), HasSubstr(first_hand));
    return first_hand;
  }

  test::TemporaryFolder out_;
  mutable ExitStatus status_ = ExitStatus::done;
};

INSTANTIATE_TEST_SUITE_P(Folders, CheckpointsTest, testing::Bool(),
                         [](const auto& own) { return own.param ? "OneEach" : "Shared"; });

TEST_P(CheckpointsTest, TheNewestIsResumedFrom) {
  EXPECT_EQ(resumed(), 0u);
  save({10, 20});
  EXPECT_EQ(resumed(), 20u);
}

TEST_P(CheckpointsTest, TheLastOnesAreKept) {
  save({5, 100, 20000, 123456789}, 3);
  EXPECT_EQ(names_in(folder(1)),
            (std::vector<std::string>{"step-00000100", "step-00020000", "step-123456789"}));
  EXPECT_TRUE(fs::exists(manifest(100)));
  EXPECT_EQ(resumed(), 123456789u);
}

TEST_P(CheckpointsTest, ATornFileMeansTheStepBefore) {
  for (int rank = 0; rank < kRanks; ++rank)
    for (const std::uintmax_t size : {0, 30, 60, 155}) {
      fs::remove_all(out_.path() / "shared");
      for (int r = 0; r < kRanks; ++r) fs::remove_all(folder(r));
      save({10, 20});
      ASSERT_LT(size, fs::file_size(file(rank, 20)));
      fs::resize_file(file(rank, 20), size);
      EXPECT_EQ(resumed(), 10u) << rank << " " << size;
      // What is newer is gone, for the run will come there again.
      EXPECT_FALSE(fs::exists(step_folder(rank, 20)));
      EXPECT_EQ(resumed(), 10u);
    }
}

TEST_P(CheckpointsTest, AMissingFileMeansTheStepBefore) {
  save({10, 20});
  fs::remove(file(1, 20));
  EXPECT_EQ(resumed(), 10u);
}

TEST_P(CheckpointsTest, ATornManifestMeansTheStepBefore) {
  const auto size = [&] {
    save({10, 20});
    return fs::file_size(manifest(20));
  }();
  for (std::uintmax_t left = 0; left < size; left += 7) {
    save({20});
    fs::resize_file(manifest(20), left);
    EXPECT_EQ(resumed(), 10u) << left;
  }
}

TEST_P(CheckpointsTest, WithoutItsManifestAStepWasNeverSaved) {
  save({10, 20});
  fs::remove(manifest(20));
  EXPECT_EQ(resumed(), 10u);
  fs::remove(manifest(10));
  EXPECT_EQ(resumed(), 0u);
  EXPECT_TRUE(names_in(folder(0)).empty());
}

TEST_P(CheckpointsTest, WhatWasNeverFinishedIsNoHindrance) {
  save({10, 20});
  const auto unfinished = [&](std::uint64_t step) {
    return fs::path(file(2, step).string() + std::string(kUnfinished));
  };
  fs::create_directories(step_folder(2, 30));
  overwrite(unfinished(30), blob_of(2, 30));
  fs::create_directories(folder(0) / "step-by-step");
  EXPECT_EQ(resumed(), 20u);
  EXPECT_FALSE(fs::exists(unfinished(30)));
  save({30});
  EXPECT_EQ(resumed(), 30u);
}

TEST_P(CheckpointsTest, WhereAllAreTornThereIsNothingToGoOnFrom) {
  save({10, 20});
  fs::resize_file(file(0, 10), 5);
  fs::resize_file(file(2, 20), 5);
  EXPECT_EQ(refusal(), "checkpoints: none is whole: " + file(2, 20).string() + ": is torn");
  EXPECT_EQ(status_, ExitStatus::data);
  EXPECT_TRUE(fs::exists(file(1, 20)));  // nothing was removed
}

TEST_P(CheckpointsTest, AnotherExperimentsAreRefused) {
  save({10});
  EXPECT_EQ(refusal(kRanks, 43), "--resume: " + file(0, 10).string() +
                                     " belongs to another experiment: its configuration has hash "
                                     "000000000000002a, this one's 000000000000002b");
  EXPECT_EQ(status_, ExitStatus::usage);
}

TEST_P(CheckpointsTest, AnotherNumberOfRanksIsRefused) {
  save({10});
  for (const int ranks : {1, 2, 4}) {
    const std::string why = refusal(ranks);
    EXPECT_THAT(why,
                HasSubstr("belongs to a run of 3 ranks, this one has " + std::to_string(ranks)));
    EXPECT_EQ(status_, ExitStatus::usage);
  }
}

TEST_P(CheckpointsTest, ARanksFileIsNotTakenForAnothers) {
  save({10, 20});
  fs::copy_file(file(0, 20), file(1, 20), fs::copy_options::overwrite_existing);
  EXPECT_EQ(resumed(), 10u);
  save({20});
  fs::copy_file(file(1, 10), file(1, 20), fs::copy_options::overwrite_existing);
  EXPECT_EQ(resumed(), 10u);
}

TEST_P(CheckpointsTest, AFailedSaveLeavesTheOlderOnes) {
  save({10, 20});
  overwrite(step_folder(1, 30), {});  // a file where a folder has to be
  const auto thrown = test::outcomes(
      kRanks, {}, [&](Transport& t) { checkpoints(t).save(30, blob_of(t.rank(), 30)); });
  EXPECT_THROW(std::rethrow_exception(thrown[1]), DataError);
  fs::remove(step_folder(1, 30));
  EXPECT_EQ(resumed(), 20u);
}

}  // namespace
}  // namespace laconic
