#include "launcher/job.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <string>

#include "base/clock.h"
#include "base/errors.h"

namespace laconic {
namespace {

TEST(RunJob, HandsOnWhatItSaysAndHowItEnded) {
  std::string seen;
  const JobEnd end = run_job({"sh", "-c", "echo one >&2; echo two >&2; exit 7"},
                             [&](std::string_view text) { seen += text; });
  EXPECT_EQ(seen, "one\ntwo\n");
  EXPECT_EQ(end.status, 7);
  EXPECT_FALSE(end.interrupted);
}

TEST(RunJob, ASignalIsAStatus) {
  EXPECT_EQ(run_job({"sh", "-c", "kill -9 $$"}, [](std::string_view) {}).status, 128 + 9);
}

TEST(RunJob, NoSuchCommand) {
  EXPECT_THROW(run_job({"no-such-command-anywhere"}, [](std::string_view) {}), ConfigError);
}

TEST(RunJob, WhatAsksForAnEndBecomesUsr1) {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) {
    std::string seen;
    const JobEnd end = run_job(
        {"sh", "-c",
         "trap 'echo usr1 >&2; exit 130' USR1; echo ready >&2; while :; do sleep 0.05; done"},
        [&](std::string_view text) {
          seen += text;
          if (text.find("ready") != text.npos) kill(getpid(), signal);
        });
    EXPECT_EQ(end.status, 130) << signal;
    EXPECT_TRUE(end.interrupted) << signal;
    EXPECT_NE(seen.find("usr1"), seen.npos) << signal;
  }
}

TEST(RunJob, AGrandchildThatHoldsThePipeDoesNotHoldUs) {
  const Stopwatch watch;
  const JobEnd end = run_job({"sh", "-c", "sleep 5 & exit 3"}, [](std::string_view) {});
  EXPECT_EQ(end.status, 3);
  EXPECT_LT(watch.seconds(), 4);
}

}  // namespace
}  // namespace laconic
