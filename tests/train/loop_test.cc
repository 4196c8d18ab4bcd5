#include "train/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/errors.h"
#include "tests/train/training.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;
using test::message_of;
using test::TemporaryFolder;
using test::Training;
using testing::Each;
using testing::HasSubstr;

constexpr const char* kDense = "exchange { dense { allreduce: 'recursive_doubling' } }";
constexpr const char* kTopK =
    "exchange { gather {} compressor { top_k { density: 0.05 } } bucket_bytes: 400 "
    "density_warm_up { steps: 20 } }";
constexpr const char* kRandK =
    "exchange { gather {} compressor { rand_k { density: 0.1 shared: false } } }";

Experiment experiment(const std::string& exchange, const std::vector<std::string>& overrides = {}) {
  return parse_experiment(
      "problem { quadratic { dimensions: 300 condition: 10 } } steps: 120 "
      "method { sync_sgd { schedule { rate: 0.05 cosine {} } sgd { momentum: 0.5 } } } "
      "checkpoint { every: 25 } report { every: 7 score_every: 50 verify_every: 10 } " +
          exchange,
      "test", overrides);
}

std::vector<nlohmann::json> rows_in(const fs::path& folder) {
  std::vector<nlohmann::json> rows;
  std::ifstream in(folder / "metrics.jsonl");
  for (std::string line; std::getline(in, line);) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

// ----------------------------------------------------------------------------------- a whole run

TEST(Train, ComesToTheSolutionAndSaysHow) {
  const TemporaryFolder out;
  Training training(experiment(kDense));
  training.ranks = 4;
  const auto ends = training.run(out.path());
  for (const auto& end : ends) {
    ASSERT_EQ(message_of(end.thrown), "");
    EXPECT_EQ(to_json(*end.summary), to_json(*ends[0].summary));
  }
  const Summary& s = *ends[0].summary;
  EXPECT_EQ(to_json(read_summary(out.path() / "summary.json")), to_json(s));
  EXPECT_EQ(s.status, RunStatus::done);
  EXPECT_EQ(s.method, "sync_sgd");
  EXPECT_EQ(s.problem, "quadratic");
  EXPECT_EQ(s.ranks, 4);
  EXPECT_EQ(s.steps, 120u);
  EXPECT_EQ(s.steps_executed, 120u);
  EXPECT_LT(s.gap, 1e-3);
  EXPECT_LT(s.distance, 1e-3);
  // Recursive doubling sends the vector twice to four ranks; a ring would send it one and a half
  // times.
  EXPECT_EQ(s.bytes_sent_per_rank.dense, 120u * 2 * 300 * 4);
  EXPECT_EQ(s.dense_bytes_per_rank, 120u * 300 * 4 * 3 / 2);
  EXPECT_GT(s.bytes_sent_per_rank.control, 0u);
  EXPECT_GE(s.bytes_sent_busiest_rank, s.bytes_sent_per_rank.total());
  EXPECT_THAT(s.parameters_xxh3_by_rank, testing::SizeIs(4));
  EXPECT_THAT(s.parameters_xxh3_by_rank, Each(s.parameters_xxh3));
  EXPECT_GT(s.peak_rss_bytes, 1u << 20);
  EXPECT_GT(s.seconds, 0);
  EXPECT_EQ(names_in(out.path() / "checkpoints"),
            (std::vector<std::string>{"step-00000100", "step-00000120"}));
}

TEST(Train, ReportsEverySoManyStepsAndAtTheEnd) {
  const TemporaryFolder out;
  Training(experiment(kTopK)).finish(out.path());
  std::vector<std::uint64_t> reports, scores;
  std::uint64_t sent = 0;
  for (const auto& row : rows_in(out.path())) {
    (row.contains("score") ? scores : reports).push_back(row["step"]);
    if (row.contains("score")) continue;
    EXPECT_TRUE(row["loss"].is_number());
    EXPECT_GT(row["bytes_sent"], sent);
    sent = row["bytes_sent"];
  }
  std::vector<std::uint64_t> expected;
  for (std::uint64_t step = 7; step < 120; step += 7) expected.push_back(step);
  expected.push_back(120);
  EXPECT_EQ(reports, expected);
  EXPECT_EQ(scores, (std::vector<std::uint64_t>{50, 100, 120}));
  EXPECT_THAT(names_in(out.path() / "tensorboard"), testing::SizeIs(1));
}

TEST(Train, ReportsTheMeanLossOfAllRanks) {
  const TemporaryFolder out;
  // Without a rate the loss stays where it starts, and differs between ranks.
  Training training(experiment(kDense, {"method.sync_sgd.schedule.rate=1e-30"}));
  training.finish(out.path());
  double mean = 0;
  for (int rank = 0; rank < 3; ++rank) {
    const auto oracle = make_quadratic(std::get<QuadraticOptions>(training.experiment.problem),
                                       training.experiment.seed, rank, 3);
    const std::vector<float> at(300);
    std::vector<float> gradient(300);
    mean += oracle->evaluate(at, {}, gradient, {}) / 3;
  }
  for (const auto& row : rows_in(out.path()))
    if (row.contains("loss")) {
      EXPECT_NEAR(row["loss"], mean, 1e-9 * mean);
    }
}

// ------------------------------------------------------------------------- stopped and resumed

struct Stopped {
  const char* name;
  const char* exchange;
  int ranks;
  bool own_folders;
};

void PrintTo(const Stopped& s, std::ostream* out) { *out << s.name; }

class StoppedAndResumed : public testing::TestWithParam<Stopped> {
 protected:
  void set_up(Training& t) const {
    t.ranks = GetParam().ranks;
    t.own_folders = GetParam().own_folders;
  }
};

TEST_P(StoppedAndResumed, EndsWithTheSameBits) {
  const TemporaryFolder straight;
  Training whole(experiment(GetParam().exchange));
  set_up(whole);
  const Summary expected = whole.finish(straight.path());

  for (std::uint64_t trial = 0; trial < 3; ++trial) {
    const std::uint64_t asked_at = uniform_below({7, 7}, trial, 100);
    SCOPED_TRACE("stopped in step " + std::to_string(asked_at));
    const TemporaryFolder out;
    Training first(experiment(GetParam().exchange));
    set_up(first);
    first.hook = [&](int rank, std::uint64_t draw) {
      if (rank == first.ranks - 1 && draw == asked_at) first.stop = true;
    };
    for (const auto& end : first.run(out.path()))
      EXPECT_THAT(message_of(end.thrown), HasSubstr("interrupted after"));
    const fs::path root = first.folder_of(out.path(), 0);
    const Summary interrupted = read_summary(root / "summary.json");
    EXPECT_EQ(interrupted.status, RunStatus::interrupted);
    EXPECT_GT(interrupted.steps, asked_at);
    EXPECT_LE(interrupted.steps, asked_at + 9);

    Training second(experiment(GetParam().exchange));
    set_up(second);
    const Summary resumed = second.finish(out.path(), true);
    EXPECT_EQ(resumed.parameters_xxh3_by_rank, expected.parameters_xxh3_by_rank);
    EXPECT_EQ(resumed.steps, 120u);
    EXPECT_EQ(resumed.steps_executed, 120 - interrupted.steps);
    EXPECT_EQ(resumed.distance, expected.distance);
    EXPECT_EQ(resumed.bytes_sent_per_rank.values, expected.bytes_sent_per_rank.values);
    EXPECT_EQ(resumed.bytes_sent_per_rank.dense, expected.bytes_sent_per_rank.dense);

    const auto rows = rows_in(root), undisturbed = rows_in(whole.folder_of(straight.path(), 0));
    ASSERT_EQ(rows.size(), undisturbed.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(rows[i]["step"], undisturbed[i]["step"]);
      if (rows[i].contains("score")) {
        EXPECT_EQ(rows[i], undisturbed[i]);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Exchanges, StoppedAndResumed,
                         testing::Values(Stopped{"dense", kDense, 4, false},
                                         Stopped{"one rank", kDense, 1, false},
                                         Stopped{"top_k", kTopK, 3, false},
                                         Stopped{"rand_k", kRandK, 2, false},
                                         Stopped{"top_k, own disks", kTopK, 3, true}));

TEST(Train, AnInterruptEndsAllRanksAtTheSameStepWithACheckpoint) {
  const TemporaryFolder out;
  Training training(experiment(kTopK, {"steps=1000000", "checkpoint.every=0"}));
  std::thread person([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    training.stop = true;
  });
  const auto ends = training.run(out.path());
  person.join();
  for (const auto& end : ends) {
    EXPECT_EQ(message_of(end.thrown), message_of(ends[0].thrown));
    EXPECT_THROW(std::rethrow_exception(end.thrown), Interrupted);
  }
  const Summary summary = read_summary(out.path() / "summary.json");
  EXPECT_EQ(summary.status, RunStatus::interrupted);
  EXPECT_THAT(message_of(ends[0].thrown),
              HasSubstr("after " + std::to_string(summary.steps) + " of"));
  EXPECT_THAT(names_in(out.path() / "checkpoints"), testing::SizeIs(1));
}

TEST(Train, AStopInTheLastStepsLetsTheRunEnd) {
  const TemporaryFolder out;
  Training training(experiment(kDense));
  training.hook = [&](int, std::uint64_t draw) {
    if (draw == 118) training.stop = true;
  };
  EXPECT_EQ(training.finish(out.path()).status, RunStatus::done);
}

TEST(Train, AKilledRunGoesOnFromItsLastCheckpoint) {
  const TemporaryFolder straight, out;
  const Summary expected = Training(experiment(kTopK)).finish(straight.path());

  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Training killed(experiment(kTopK, {"debug.kill_at={rank: 1 step: 83}"}));
    killed.run(out.path());
    ::_exit(0);  // not reached: the whole process is killed
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(WTERMSIG(status), SIGKILL);

  const Summary resumed = Training(experiment(kTopK)).finish(out.path(), true);
  EXPECT_EQ(resumed.parameters_xxh3_by_rank, expected.parameters_xxh3_by_rank);
  EXPECT_EQ(resumed.steps_executed, 120u - 75u);
}

TEST(Train, ResumingADoneRunChangesNothing) {
  const TemporaryFolder out;
  const Summary done = Training(experiment(kDense)).finish(out.path());
  const auto before = names_in(out.path());
  Training again(experiment(kDense));
  again.hook = [](int, std::uint64_t) { FAIL() << "a step was taken"; };
  const auto ends = again.run(out.path(), true);
  for (const auto& end : ends) {
    ASSERT_EQ(message_of(end.thrown), "");
    EXPECT_EQ(end.summary->parameters_xxh3, done.parameters_xxh3);
    EXPECT_EQ(end.summary->steps_executed, 0u);
  }
  EXPECT_EQ(read_summary(out.path() / "summary.json").steps_executed, 120u);
  EXPECT_EQ(names_in(out.path()), before);
}

TEST(Train, ALostSummaryIsWrittenAgainFromTheLastCheckpoint) {
  const TemporaryFolder out;
  const Summary done = Training(experiment(kDense)).finish(out.path());
  fs::remove(out.path() / "summary.json");
  const Summary again = Training(experiment(kDense)).finish(out.path(), true);
  EXPECT_EQ(again.parameters_xxh3, done.parameters_xxh3);
  EXPECT_EQ(again.distance, done.distance);
  EXPECT_EQ(again.steps_executed, 0u);
}

TEST(Train, ATornCheckpointMeansTheOneBefore) {
  const TemporaryFolder straight, out;
  const Summary expected = Training(experiment(kTopK)).finish(straight.path());
  Training(experiment(kTopK)).finish(out.path());
  fs::remove(out.path() / "summary.json");
  fs::resize_file(out.path() / "checkpoints" / "step-00000120" / "rank-2.ckpt", 100);
  const Summary resumed = Training(experiment(kTopK)).finish(out.path(), true);
  EXPECT_EQ(resumed.steps_executed, 20u);
  EXPECT_EQ(resumed.parameters_xxh3_by_rank, expected.parameters_xxh3_by_rank);
}

TEST(Train, WithoutACheckpointAResumeStartsAtTheBeginning) {
  const TemporaryFolder out;
  EXPECT_EQ(Training(experiment(kDense)).finish(out.path(), true).steps_executed, 120u);
}

TEST(Train, OthersCheckpointsAreRefusedByAllRanksWithOneLine) {
  const TemporaryFolder out;
  Training(experiment(kDense)).finish(out.path());
  const auto before = fs::file_size(out.path() / "metrics.jsonl");
  const auto refused = [&](Training& training, const std::string& why) {
    for (const auto& end : training.run(out.path(), true))
      EXPECT_THAT(message_of(end.thrown), HasSubstr(why));
  };
  Training other(experiment(kDense, {"seed=2"}));
  refused(other, "belongs to another experiment");
  Training more(experiment(kDense));
  more.ranks = 4;
  refused(more, "belongs to a run of 3 ranks, this one has 4");
  Training fewer(experiment(kDense));
  fewer.ranks = 2;
  refused(fewer, "belongs to a run of 3 ranks, this one has 2");
  EXPECT_EQ(fs::file_size(out.path() / "metrics.jsonl"), before);
  EXPECT_EQ(read_summary(out.path() / "summary.json").status, RunStatus::done);
}

// --------------------------------------------------------------------------------------- failures

TEST(Train, ARankThatThrowsEndsAllOfThem) {
  for (const char* exchange : {kDense, kTopK}) {
    const TemporaryFolder out;
    Training training(experiment(exchange, {"debug.throw_at={rank: 2 step: 33}"}));
    const auto begin = std::chrono::steady_clock::now();
    const auto ends = training.run(out.path());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
    EXPECT_EQ(message_of(ends[2].thrown), "step 33: debug.throw_at");
    for (const auto& end : ends)
      EXPECT_THAT(message_of(end.thrown), HasSubstr("step 33: debug.throw_at"));
    const Summary summary = read_summary(out.path() / "summary.json");
    EXPECT_EQ(summary.status, RunStatus::failed);
    EXPECT_GE(summary.steps, 32u);  // rank 0 may not have heard the end of the last step
    EXPECT_LE(summary.steps, 33u);
  }
}

TEST(Train, ALossThatIsNotFiniteEndsTheRun) {
  const TemporaryFolder out;
  Training training(experiment(kDense, {"method.sync_sgd.schedule.rate=1e18"}));
  int numeric = 0;
  for (const auto& end : training.run(out.path())) {
    EXPECT_THAT(message_of(end.thrown), HasSubstr("the loss is"));
    try {
      std::rethrow_exception(end.thrown);
    } catch (const NumericError& e) {
      EXPECT_THAT(e.what(), testing::ContainsRegex("step [0-9]+: the loss is"));
      ++numeric;
    } catch (const TransportError&) {
    }
  }
  EXPECT_GE(numeric, 1);
}

/// Says that one parameter is another than it is, from some step on.
class Corrupted final : public Method {
 public:
  explicit Corrupted(std::unique_ptr<Method> inner) : inner_(std::move(inner)) {}

  Report step(Oracle& oracle, const Step& step) override {
    const Report report = inner_->step(oracle, step);
    seen_.assign(inner_->parameters().begin(), inner_->parameters().end());
    if (step.index >= 23) seen_[17] += 1;
    return report;
  }
  Floats parameters() const override { return seen_.empty() ? inner_->parameters() : seen_; }
  void save(StateWriter& writer) const override { inner_->save(writer); }
  void load(StateReader& reader) override { inner_->load(reader); }

 private:
  std::unique_ptr<Method> inner_;
  std::vector<float> seen_;
};

TEST(Train, ReplicasThatComeApartAreFoundAndNamed) {
  for (const char* verify_every : {"10", "0"}) {
    const TemporaryFolder out;
    Training training(experiment(kDense, {std::string("report.verify_every=") + verify_every}));
    training.wrap_method = [](std::unique_ptr<Method> method, int rank) -> std::unique_ptr<Method> {
      if (rank != 1) return method;
      return std::make_unique<Corrupted>(std::move(method));
    };
    const std::string step = verify_every == std::string("10") ? "30" : "120";
    for (const auto& end : training.run(out.path()))
      EXPECT_THAT(message_of(end.thrown),
                  HasSubstr("after " + step + " steps rank 1 holds other parameters"));
  }
}

TEST(Train, RanksThatRunOtherExperimentsAreRefused) {
  const TemporaryFolder out;
  std::vector<Experiment> experiments(3, experiment(kDense));
  experiments[2] = experiment(kDense, {"seed=9"});
  const auto thrown = test::outcomes(3, {}, [&](Transport& t) {
    Training one(experiments[static_cast<std::size_t>(t.rank())]);
    one.run_rank(t, out.path(), false);
  });
  for (const auto& e : thrown)
    EXPECT_THAT(message_of(e), HasSubstr("rank 2: runs another experiment"));
  EXPECT_FALSE(fs::exists(out.path() / "metrics.jsonl"));
}

// --------------------------------------------------------------------------------- counting steps

TEST(TotalSteps, ComeFromEpochsOrFromTheExperiment) {
  const auto steps = [](const std::vector<std::string>& overrides, std::uint64_t examples) {
    return total_steps(parse_experiment("problem { logistic {} } data { libsvm { path: 'x' } }",
                                        "test", overrides),
                       examples);
  };
  EXPECT_EQ(steps({"epochs=3"}, 15000), 3u * 468);
  EXPECT_EQ(steps({"epochs=0.5"}, 15000), 234u);
  EXPECT_EQ(steps({"epochs=0.0001"}, 15000), 1u);
  EXPECT_EQ(steps({"epochs=2"}, 20), 2u);  // fewer than a batch
  EXPECT_EQ(steps({"epochs=7", "method.sync_sgd.batch=0"}, 15000), 7u);
  EXPECT_EQ(steps({"epochs=7", "steps=5"}, 15000), 5u);
  EXPECT_THROW(steps({}, 0), ConfigError);
}

}  // namespace
}  // namespace laconic
