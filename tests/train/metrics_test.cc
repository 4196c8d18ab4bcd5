#include "train/metrics.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/errors.h"
#include "tests/train/ranks.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;

class MetricsTest : public testing::Test {
 protected:
  std::vector<std::string> lines() const {
    std::ifstream in(path_);
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }

  /// Reports after 10, 20 and 30 steps, a score after 20.
  void fill() const {
    Metrics metrics(path_, 0);
    metrics.report({.step = 10, .loss = 1.5});
    metrics.report({.step = 20, .loss = 1.25});
    metrics.score(20, {.loss = 1, .accuracy = 0.5, .examples = 7});
    metrics.report({.step = 30, .loss = 1});
  }

  test::TemporaryFolder folder_;
  fs::path path_ = folder_.path() / "metrics.jsonl";
};

TEST_F(MetricsTest, WritesOneObjectALine) {
  Metrics metrics(path_, 0);
  metrics.report({.step = 20,
                  .seconds = 2,
                  .loss = 0.5,
                  .compute = 0.25,
                  .examples_per_second = 640,
                  .bytes_sent = 12,
                  .bytes_received = 34});
  EXPECT_EQ(
      lines(),
      std::vector<std::string>{
          R"({"step":20,"seconds":2.0,"loss":0.5,"compute_seconds":0.25,)"
          R"("compress_seconds":0.0,"wait_seconds":0.0,"decode_seconds":0.0,)"
          R"("apply_seconds":0.0,"hidden_seconds":0.0,"residual_over_gradient":null,"examples_per_second":640.0,"bytes_sent":12,)"
          R"("bytes_received":34})"});
  metrics.score(20, {.loss = 0.25, .accuracy = 0.75});
  EXPECT_EQ(
      lines().back(),
      R"({"step":20,"score":{"loss":0.25,"accuracy":0.75,"gap":null,"distance":null,"robust_loss":null}})");
}

TEST_F(MetricsTest, AResumeDropsWhatCameAfterTheCheckpoint) {
  for (const auto& [step, rows] : {std::pair{35u, 4u},
                                   {30u, 4u},
                                   {29u, 3u},
                                   {20u, 3u},
                                   {19u, 1u},
                                   {10u, 1u},
                                   {9u, 0u},
                                   {0u, 0u}}) {
    fs::remove(path_);
    fill();
    const auto before = lines();
    Metrics(path_, step).report({.step = 99});
    auto expected = std::vector(before.begin(), before.begin() + rows);
    auto after = lines();
    ASSERT_EQ(after.size(), rows + 1) << step;
    after.pop_back();
    EXPECT_EQ(after, expected) << step;
  }
}

TEST_F(MetricsTest, ATornLastLineIsDropped) {
  fill();
  const auto whole = fs::file_size(path_);
  for (std::uintmax_t cut = 1; cut < 60; ++cut) {
    fs::remove(path_);
    fill();
    fs::resize_file(path_, whole - cut);
    Metrics(path_, 100).report({.step = 99});
    EXPECT_EQ(lines().size(), 4u) << cut;
    EXPECT_EQ(lines().back().substr(0, 10), "{\"step\":99") << cut;
  }
}

TEST_F(MetricsTest, AFolderThatIsNotThereIsAnError) {
  EXPECT_THROW(Metrics(folder_.path() / "no" / "metrics.jsonl", 0), DataError);
}

}  // namespace
}  // namespace laconic
