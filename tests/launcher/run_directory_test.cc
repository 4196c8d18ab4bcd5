#include "launcher/run_directory.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/errors.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;

class RunDirectory : public testing::Test {
 protected:
  void SetUp() override {
    home_ = fs::path(testing::TempDir()) / "laconic_run_directory";
    fs::remove_all(home_);
    fs::create_directories(home_);
    before_ = fs::current_path();
    fs::current_path(home_);
  }
  void TearDown() override {
    fs::current_path(before_);
    fs::remove_all(home_);
  }
  static void make_run(const fs::path& directory) {
    fs::create_directories(directory);
    std::ofstream(directory / "config.textproto") << "name: 'x'\n";
  }
  fs::path home_, before_;
};

TEST_F(RunDirectory, TheDefaultNeverTakesARunThatIsThere) {
  EXPECT_EQ(choose_run_directory({}, "cnn", false), "runs/cnn");
  make_run("runs/cnn");
  EXPECT_EQ(choose_run_directory({}, "cnn", false), "runs/cnn-2");
  make_run("runs/cnn-2");
  EXPECT_EQ(choose_run_directory({}, "cnn", false), "runs/cnn-3");
  EXPECT_EQ(choose_run_directory({}, "cnn", true), "runs/cnn-2");
  EXPECT_THROW(choose_run_directory({}, "other", true), ConfigError);
}

TEST_F(RunDirectory, AGivenOneIsRefusedWhereItWouldLoseARun) {
  EXPECT_EQ(choose_run_directory("here", "cnn", false), "here");
  EXPECT_THROW(choose_run_directory("here", "cnn", true), ConfigError);
  make_run("here");
  EXPECT_THROW(choose_run_directory("here", "cnn", false), ConfigError);
  EXPECT_EQ(choose_run_directory("here", "cnn", true), "here");
  std::ofstream("file") << "x";
  EXPECT_THROW(choose_run_directory("file", "cnn", false), ConfigError);
  EXPECT_FALSE(fs::exists("runs"));
}

TEST_F(RunDirectory, WhereNothingCanBeMade) {
  std::ofstream("file") << "x";
  EXPECT_THROW(prepare_run_directory("file/run", "x"), ConfigError);
  prepare_run_directory("good/run", "seed: 1\n");
  EXPECT_TRUE(fs::is_directory("good/run/logs"));
  prepare_run_directory("good/run", "seed: 2\n");
  std::ifstream in("good/run/config.textproto");
  std::string line;
  std::getline(in, line);
  EXPECT_EQ(line, "seed: 1");
}

}  // namespace
}  // namespace laconic
