#include "train/choice.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "collectives/allreduce.h"
#include "tests/train/training.h"

namespace laconic {
namespace {

using test::message_of;
using test::TemporaryFolder;
using test::Training;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kAllowed =
    "exchange { auto { "
    "  allow { dense {} } "
    "  allow { owner {} compressor { top_k { density: 0.01 } } } "
    "  allow { gather {} compressor { top_k { density: 0.02 } } } ";

Experiment experiment(const std::string& more = "", int dimensions = 20000) {
  return parse_experiment(
      "problem { quadratic { dimensions: " + std::to_string(dimensions) +
          " } } steps: 60 method { sync_sgd { schedule { rate: 0.02 } sgd { momentum: 0.5 } } } "
          "checkpoint { every: 20 } " +
          std::string(kAllowed) + more + "} }",
      "test", {});
}

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

Forecast forecast(const AutoOptions& options, const LinkModel& links,
                  std::optional<std::size_t> current = {}) {
  Forecast said;
  test::on_ranks(3, [&](Transport& t) {
    const auto oracle = make_quadratic({.dimensions = 50000}, 1, t.rank(), t.size());
    std::vector<float> at(50000);
    oracle->initialize({}, at);
    const Forecast mine = choose_exchange(options, current, *oracle, at, {}, t, links);
    if (t.rank() == 0) said = mine;
  });
  return said;
}

const LinkModel kFast = uniform_links(3, {.latency_seconds = 1e-6, .bytes_per_second = 1e12}),
                kSlow = uniform_links(3, {.latency_seconds = 1e-4, .bytes_per_second = 1e6}),
                kFar = uniform_links(3, {.latency_seconds = 1, .bytes_per_second = 1e12});

TEST(Choice, CompressesWhereTheWireIsSlowAndNotWhereItIsFast) {
  const AutoOptions options = *experiment().automatic;
  const Forecast fast = forecast(options, kFast), slow = forecast(options, kSlow),
                 far = forecast(options, kFar);
  EXPECT_EQ(fast.choice, 0u) << fast.reason;
  EXPECT_NE(slow.choice, 0u) << slow.reason;
  EXPECT_EQ(far.choice, 2u) << "one latency, not two: " << far.reason;
  EXPECT_GT(slow.dense_seconds, 0.2);  // 4/3 of 200 kB at 1 MB/s
  EXPECT_THAT(slow.reason, StartsWith("AUTO: owner, top_k 1%"));
  EXPECT_THAT(slow.reason, HasSubstr("a step, dense "));
  EXPECT_THAT(fast.reason, StartsWith("AUTO: dense, ring: "));
}

TEST(Choice, StaysWithWhatIsAsGood) {
  const AutoOptions options = *experiment().automatic;
  auto alike = options;
  alike.allowed = {options.allowed[1], options.allowed[1], options.allowed[1]};
  EXPECT_EQ(forecast(alike, kSlow, 2).choice, 2u);
  EXPECT_EQ(forecast(options, kSlow, 0).choice, 1u);
}

TEST(Drift, AsksTwiceInARowAndLessOftenWhereNothingIsFound) {
  Drift drift;
  EXPECT_FALSE(drift.hear(1));
  EXPECT_FALSE(drift.hear(1.4));
  EXPECT_FALSE(drift.hear(2));
  EXPECT_FALSE(drift.hear(1));
  EXPECT_FALSE(drift.hear(2));
  EXPECT_TRUE(drift.hear(2));
  drift.looked(true);
  EXPECT_FALSE(drift.hear(2));
  EXPECT_FALSE(drift.hear(1));
  EXPECT_TRUE(drift.hear(1));
  drift.looked(false);
  for (int i = 0; i < 8; ++i) EXPECT_FALSE(drift.hear(100));
  EXPECT_FALSE(drift.hear(1));
  EXPECT_FALSE(drift.hear(2));
  EXPECT_TRUE(drift.hear(2));
}

TEST(Auto, DecidesOnceAndARunFromItsOwnConfigurationEndsWithTheSameBits) {
  const TemporaryFolder first, second;
  Training training(experiment());
  training.link = {.latency_seconds = 1e-3, .bytes_per_second = 5e6};
  const Summary summary = training.finish(first.path());
  EXPECT_THAT(summary.exchange, StartsWith("auto: "));
  EXPECT_THAT(summary.exchange, HasSubstr("top_k"));
  const std::string recorded = text_of(first.path() / "config.textproto");
  EXPECT_THAT(recorded, HasSubstr("decided {"));

  Training again(parse_experiment(recorded, "test", {}));
  EXPECT_EQ(again.experiment.hash, training.experiment.hash);
  const Summary same = again.finish(second.path());  // on links that would have it otherwise
  EXPECT_EQ(same.parameters_xxh3, summary.parameters_xxh3);
  EXPECT_EQ(same.exchange, summary.exchange);
}

/// Decisions are followed at their steps, by a run that is not interrupted and by one that is,
/// whether it is told of them by its configuration or by its checkpoint alone.
TEST(Auto, ResumesWithWhatWasDecided) {
  const std::string decided =
      "decided { step: 0 choice: 1 } decided { step: 25 choice: 2 } decided { step: 50 choice: 0 "
      "} ";
  const TemporaryFolder whole, part;
  const Summary undisturbed = Training(experiment(decided)).finish(whole.path());
  for (const std::uint64_t stop_after : {10, 30, 44}) {
    const TemporaryFolder out;
    Training training(experiment(decided));
    training.hook = [&](int rank, std::uint64_t draw) {
      if (rank == 1 && draw == stop_after) training.stop = true;
    };
    for (const auto& end : training.run(out.path()))
      EXPECT_THAT(message_of(end.thrown), HasSubstr("interrupted"));
    EXPECT_EQ(Training(experiment(decided)).finish(out.path(), true).parameters_xxh3,
              undisturbed.parameters_xxh3);
  }
  Training training(experiment("decided { step: 0 choice: 1 } look_again: false "));
  const Summary one = training.finish(part.path());
  const TemporaryFolder out;
  training.hook = [&](int, std::uint64_t draw) { training.stop = draw >= 30; };
  training.run(out.path());
  EXPECT_EQ(Training(experiment("look_again: false ")).finish(out.path(), true).parameters_xxh3,
            one.parameters_xxh3);
}

std::string refusal(const std::string& exchange, const std::string& method = "sync_sgd {}") {
  try {
    parse_experiment(
        "problem { quadratic {} } steps: 9 method { " + method + " } exchange { " + exchange + " }",
        "test", {});
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

TEST(Auto, AllowsAllThatGoesWithWhatStandsBesideItUnlessToldOtherwise) {
  const auto all = parse_experiment(
      "problem { quadratic {} } steps: 9 exchange { auto {} compressor { top_k { density: 0.003 } "
      "} bucket_bytes: 4096 }",
      "test", {});
  std::size_t dense = 0, compressed = 0;
  for (const ExchangeOptions& allowed : all.automatic->allowed) {
    EXPECT_EQ(allowed.bucket_bytes, 4096u);
    if (std::holds_alternative<DenseOptions>(allowed.kind)) {
      ++dense;
      continue;
    }
    ++compressed;
    EXPECT_EQ(std::get<TopKOptions>(allowed.compressor).density, 0.003);
  }
  EXPECT_EQ(dense, allreduce_algorithms().size());
  EXPECT_GE(compressed, 3u);
  EXPECT_EQ(parse_experiment(all.text, "test", {}).hash, all.hash);
}

TEST(Auto, TakesAnyAllreduceForEachOfThem) {
  const auto experiment = parse_experiment(
      "problem { quadratic {} } steps: 9 exchange { auto { allow { dense { allreduce: 'any' } } "
      "allow { linear { power_sgd { rank: 3 } allreduce: 'any' } } allow { gather {} } } }",
      "test", {});
  const auto& allowed = experiment.automatic->allowed;
  const auto algorithms = allreduce_algorithms();
  ASSERT_EQ(allowed.size(), 2 * algorithms.size() + 1);
  for (std::size_t i = 0; i < algorithms.size(); ++i) {
    EXPECT_EQ(std::get<DenseOptions>(allowed[i].kind).allreduce, algorithms[i].name);
    const auto& linear = std::get<LinearOptions>(allowed[algorithms.size() + i].kind);
    EXPECT_EQ(linear.allreduce, algorithms[i].name);
    EXPECT_EQ(std::get<PowerSgdOptions>(linear.compressor).rank, 3);
  }
  EXPECT_TRUE(std::holds_alternative<GatherOptions>(allowed.back().kind));
}

TEST(Auto, RefusesWhatItCannotDo) {
  EXPECT_THAT(refusal("dense { allreduce: 'any' }"), HasSubstr("exchange.dense.allreduce"));
  EXPECT_THAT(refusal("auto { allow { auto {} } }"), HasSubstr("exchange.auto.allow.auto"));
  EXPECT_THAT(refusal("auto { allow { dense {} } decided { step: 0 choice: 1 } }"),
              HasSubstr("exchange.auto.decided.choice"));
  EXPECT_THAT(refusal("auto { decided { step: 4 choice: 1 } decided { step: 4 choice: 0 } }"),
              HasSubstr("exchange.auto.decided.step"));
  EXPECT_THAT(refusal("auto {}", "extragradient {}"), HasSubstr("exchange.auto"));
  EXPECT_EQ(refusal("auto {}"), "");
}

}  // namespace
}  // namespace laconic
