#include "launcher/mpirun.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace laconic {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsSupersetOf;
using testing::Not;

TEST(MpirunCommand, OneRankNeedsNothingSpecial) {
  EXPECT_THAT(mpirun_command({.ranks = 1}, {"laconic", "train", "x"}),
              ElementsAre("mpirun", "-np", "1", "--bind-to", "none", "laconic", "train", "x"));
}

TEST(MpirunCommand, WithoutANumberTheSlotsDecide) {
  EXPECT_THAT(mpirun_command({.hostfile = "hosts"}, {"p"}),
              ElementsAre("mpirun", "--hostfile", "hosts", "--bind-to", "none", "p"));
  EXPECT_THAT(mpirun_command({.allocated = true}, {"p"}),
              ElementsAre("mpirun", "--bind-to", "none", "p"));
}

TEST(MpirunCommand, BindingCanBeAskedFor) {
  EXPECT_THAT(mpirun_command({.ranks = 1, .arguments = {"--bind-to", "core"}}, {"p"}),
              ElementsAre("mpirun", "-np", "1", "--bind-to", "core", "p"));
  EXPECT_THAT(mpirun_command({.ranks = 1, .arguments = {"--map-by", "slot:PE=4"}}, {"p"}),
              ElementsAre("mpirun", "-np", "1", "--map-by", "slot:PE=4", "p"));
}

TEST(MpirunCommand, MoreRanksThanCoresOversubscribeUnlessAHostfileCountsSlots) {
  EXPECT_THAT(mpirun_command({.ranks = 4096}, {"p"}), Contains("--oversubscribe"));
  const auto command = mpirun_command({.ranks = 4096, .hostfile = "hosts"}, {"p"});
  EXPECT_THAT(command, Not(Contains("--oversubscribe")));
  EXPECT_THAT(command, IsSupersetOf({"--hostfile", "hosts"}));
  EXPECT_THAT(mpirun_command({.ranks = 4096, .allocated = true}, {"p"}),
              Not(Contains("--oversubscribe")));
}

TEST(MpirunCommand, RootAndEnvironmentOnlyWhereAsked) {
  EXPECT_THAT(mpirun_command({.ranks = 1}, {"p"}), Not(Contains("--allow-run-as-root")));
  EXPECT_THAT(mpirun_command({.ranks = 1,
                              .allow_run_as_root = true,
                              .environment = {"A", "B"},
                              .arguments = {"--tag-output"}},
                             {"p"}),
              ElementsAre("mpirun", "-np", "1", "--bind-to", "none", "--allow-run-as-root", "-x",
                          "A", "-x", "B", "--tag-output", "p"));
}

TEST(FailureWatch, TheFirstRankThatSaysWhyWins) {
  FailureWatch watch;
  for (const char c :
       std::string("noise\nlaconic: rank 2: loss is NaN\nlaconic: rank 0: rank 2 is gone\n"
                   "mpirun noticed that process rank 1 with PID 7 on node a exited on signal 9 "
                   "(Killed).\n"))
    watch.read({&c, 1});
  EXPECT_EQ(watch.first_cause(), "laconic: rank 2: loss is NaN");
  EXPECT_TRUE(watch.rank_was_killed());
}

TEST(FailureWatch, AKilledRankIsNamed) {
  FailureWatch watch;
  watch.read(
      "mpirun noticed that process rank 3 with PID 0 on node n17 exited on signal 9 (Killed).\n");
  EXPECT_EQ(watch.first_cause(), "laconic: rank 3 on n17 was killed by signal 9 (Killed)");
}

TEST(FailureWatch, NothingSaid) {
  FailureWatch watch;
  watch.read("laconic is mentioned\nbut did not fail");
  EXPECT_EQ(watch.first_cause(), "");
  EXPECT_FALSE(watch.rank_was_killed());
}

}  // namespace
}  // namespace laconic
