#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <string>

#include "base/clock.h"
#include "base/errors.h"

// MPI cannot unwind a group: what counts is how the whole job ends, seen from outside mpirun.
namespace laconic::test {
namespace {

struct Ending {
  int status = -1;
  double seconds = 0;
  std::string output;
};

Ending job_that_fails_by(const std::string& how) {
  const Stopwatch watch;
  const std::string command =
      std::string(LACONIC_MPIRUN) +
      " --oversubscribe --allow-run-as-root -np 4 " LACONIC_MPI_FAILURES " " + how + " 2>&1";
  Ending ending;
  FILE* const job = popen(command.c_str(), "r");
  char buffer[4096];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, job)) > 0;)
    ending.output.append(buffer, n);
  ending.status = WEXITSTATUS(pclose(job));
  ending.seconds = watch.seconds();
  return ending;
}

void expect_ending(const std::string& how, const std::string& line, ExitStatus status) {
  const Ending ending = job_that_fails_by(how);
  EXPECT_THAT(ending.output, testing::HasSubstr(line));
  EXPECT_EQ(ending.status, static_cast<int>(status)) << ending.output;
  EXPECT_LT(ending.seconds, 10) << ending.output;
}

TEST(MpiFailure, ARankThatThrowsEndsTheJobWithItsCauseAndStatus) {
  expect_ending("throw", "laconic: rank 2: labels.gz: label 17 of 10\n", ExitStatus::data);
}

TEST(MpiFailure, ANaNInAnExchangeEndsTheJob) {
  expect_ending("exchange", "laconic: rank 2: ", ExitStatus::other);
}

TEST(MpiFailure, AbortFromAnotherThreadEndsTheJob) {
  expect_ending("thread", "laconic: rank 2: interrupted in another thread\n",
                ExitStatus::interrupted);
}

TEST(MpiFailure, AMessageTooLongForItsBufferNamesItsSender) {
  expect_ending("too_long", ": rank 2: receive: a message longer than its buffer\n",
                ExitStatus::network);
}

TEST(MpiFailure, ADeadlineNamesThePeer) {
  expect_ending("silent", ": rank 2: receive: not done within its deadline\n", ExitStatus::network);
}

TEST(MpiFailure, AnExceptionThatLeavesTheTransportBehindEndsTheJob) {
  expect_ending("unwind", "laconic: rank 2: ", ExitStatus::other);
}

TEST(MpiFailure, AKilledRankEndsTheJob) {
  const Ending ending = job_that_fails_by("kill");
  EXPECT_NE(ending.status, 0);
  EXPECT_THAT(ending.output, testing::HasSubstr("rank 2"));
  EXPECT_LT(ending.seconds, 10) << ending.output;
}

}  // namespace
}  // namespace laconic::test
