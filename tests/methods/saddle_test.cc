// Every method for variational inequalities, with the rate that theory gives it, on every problem
// where theory says that it converges.
#include "methods/saddle.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/hash.h"
#include "collectives/transports/in_process.h"
#include "methods/prox_step.h"
#include "problems/bilinear.h"
#include "problems/matrix_game.h"
#include "problems/quadratic.h"
#include "problems/robust_regression.h"
#include "tests/collectives/ranks.h"
#include "tests/data/test_data.h"

namespace laconic {
namespace {

using Maker = std::function<std::unique_ptr<Oracle>(int rank, int ranks)>;

/// A method and the exchange that it is meant for, at a density.
struct Row {
  std::string name;
  std::function<std::unique_ptr<Method>(const Setting&, Exchange&, Exchange&, std::vector<float>)>
      make;
  std::function<ExchangeOptions(double density)> exchange;
  bool takes_prox = true;
  bool exact_with_ranks_that_differ = true;
};

ExchangeOptions dense(double) { return {}; }

ExchangeOptions unbiased(double density) {
  ExchangeOptions options;
  options.kind = GatherOptions{};
  options.compressor = RandKOptions{.density = density, .unbiased = true, .shared = false};
  options.feedback.on = false;
  return options;
}

ExchangeOptions contractive(double density) {
  ExchangeOptions options;
  options.kind = GatherOptions{};
  options.compressor = TopKOptions{.density = density};
  return options;
}

/// Averages are compressed on their way back too.
template <ExchangeOptions (*up)(double)>
ExchangeOptions both_ways(double density) {
  ExchangeOptions options = up(density);
  options.kind = StarOptions{};
  return options;
}

template <typename Options>
auto with(std::unique_ptr<Method> (*make)(const Options&, const Setting&, Exchange&,
                                          std::vector<float>),
          Options options = {}) {
  return [=](const Setting& setting, Exchange& exchange, Exchange&, std::vector<float> start) {
    return make(options, setting, exchange, std::move(start));
  };
}
template <typename Options>
auto with(std::unique_ptr<Method> (*make)(const Options&, const Setting&, Exchange&, Exchange&,
                                          std::vector<float>),
          Options options = {}) {
  return
      [=](const Setting& setting, Exchange& exchange, Exchange& exact, std::vector<float> start) {
        return make(options, setting, exchange, exact, std::move(start));
      };
}

const std::vector<Row>& rows() {
  static const std::vector<Row> table{
      {"descent_ascent", with(make_descent_ascent), dense},
      {"extragradient", with(make_extragradient), dense},
      {"local_extragradient", with(make_local_extragradient), dense, true, false},
      {"optimistic_gradient", with(make_optimistic_gradient), dense},
      {"diana", with(make_diana), unbiased},
      {"diana_some", with(make_diana, {.participants = 2}), unbiased},
      {"masha1", with(make_masha1), unbiased},
      {"masha1_some", with(make_masha1, {{.participants = 2}}), unbiased},
      {"masha1_both_ways", with(make_masha1), both_ways<unbiased>},
      {"masha2", with(make_masha2), contractive, false},
      {"masha2_both_ways", with(make_masha2), both_ways<contractive>, false},
      {"masha2_some", with(make_masha2, {{.participants = 2}}), contractive, false}};
  return table;
}

struct Training {
  Maker problem;
  int ranks = 4;
  double density = 0.3;
  std::uint64_t seed = 1;
  std::uint64_t steps = 100000;  ///< At most.
  std::uint64_t interrupted_at =
      0;  ///< From there on with new objects and what the old ones saved.
  std::function<bool(const Scores& now, const Scores& start)> arrived = {};
};

struct Outcome {
  bool arrived = false;
  std::uint64_t hash = 0;
};

/// All that a rank has of a run.
struct Parts {
  std::unique_ptr<Oracle> oracle;
  std::unique_ptr<Exchange> exchange, exact;
  std::unique_ptr<Method> method;

  Parts(const Row& row, const Training& run, Transport& transport)
      : oracle(run.problem(transport.rank(), transport.size())) {
    const ExchangeOptions options = row.exchange(run.density);
    ExchangeOptions exact_options;
    exact_options.kind = DenseOptions{"star"};
    exact_options.channel = channels::exchange + 512;
    exchange = make_exchange(options, transport, oracle->layout());
    exact = make_exchange(exact_options, transport, oracle->layout());
    std::vector<float> start(flat_size(oracle->layout()));
    oracle->initialize({}, start);
    const Setting setting{*oracle, legs_of(options, oracle->layout()), transport.size(),
                          transport.rank(), run.steps};
    method = row.make(setting, *exchange, *exact, std::move(start));
  }

  void load_from(const Parts& other) {
    StateWriter writer;
    for_each(other, [&](const char* name, const auto& part) {
      const StateWriter::Scope scope(writer, name);
      part.save(writer);
    });
    StateReader reader(writer.blob(), "test");
    for_each(*this, [&](const char* name, auto& part) {
      const StateReader::Scope scope(reader, name);
      part.load(reader);
    });
  }

 private:
  template <typename Self, typename Visit>
  static void for_each(Self& self, Visit visit) {
    visit("method", *self.method);
    visit("exchange", *self.exchange);
    visit("exact", *self.exact);
  }
};

Outcome train(const Row& row, const Training& run) {
  constexpr std::uint64_t kScoreEvery = 25;
  Outcome outcome;
  test::run_ranks(make_in_process_group(run.ranks), [&](Transport& transport) {
    auto parts = std::make_unique<Parts>(row, run, transport);
    const Scores start = parts->oracle->score(parts->method->parameters(), {});
    bool arrived = false;
    for (std::uint64_t i = 0; i < run.steps && !arrived; ++i) {
      if (run.interrupted_at > 0 && i == run.interrupted_at) {
        auto resumed = std::make_unique<Parts>(row, run, transport);
        resumed->load_from(*parts);
        parts = std::move(resumed);
      }
      const RngKey key = make_key(run.seed, kEveryRank, i, RngPurpose::compress);
      parts->method->step(*parts->oracle, {.index = i, .key = key, .participants = {}});
      // The same bits on every rank, hence the same decision.
      if (run.arrived && i % kScoreEvery == 0)
        arrived = run.arrived(parts->oracle->score(parts->method->parameters(), {}), start);
    }
    if (transport.rank() == 0)
      outcome = {.arrived = arrived, .hash = hash_of(parts->method->parameters())};
  });
  return outcome;
}

bool near_solution(const Scores& now, const Scores& start) {
  return now.distance < 1e-6 * start.distance;
}

Maker bilinear(double condition, std::uint64_t seed, int ranks, double spread = 0.5) {
  const BilinearOptions options{.dimensions = 10, .condition = condition, .spread = spread};
  const auto instance = make_bilinear_instance(options, seed, ranks);
  return [instance](int rank, int) { return make_bilinear(instance, rank); };
}

Maker quadratic(double condition, std::uint64_t seed, const ProxOptions& prox = {}) {
  return [=](int rank, int ranks) {
    return make_quadratic({.dimensions = 20, .condition = condition, .spread = 0.5, .prox = prox},
                          seed, rank, ranks);
  };
}

class EveryMethod : public testing::TestWithParam<Row> {};

INSTANTIATE_TEST_SUITE_P(Saddle, EveryMethod, testing::ValuesIn(rows()),
                         [](const auto& method) { return method.param.name; });

TEST_P(EveryMethod, ArrivesAtTheSaddlePointWithTheRateOfTheory) {
  for (const int ranks : {3, 6})
    for (const double condition : {1.5, 4.0})
      for (const double density : {0.2, 0.5}) {
        const auto seed = static_cast<std::uint64_t>(ranks + 10 * condition + 100 * density);
        SCOPED_TRACE(testing::Message()
                     << ranks << " ranks, condition " << condition << ", density " << density);
        const double spread = GetParam().exact_with_ranks_that_differ ? 0.5 : 0;
        Training run{.problem = bilinear(condition, seed, ranks, spread),
                     .ranks = ranks,
                     .density = density,
                     .seed = seed};
        run.arrived = near_solution;
        if (!GetParam().exact_with_ranks_that_differ)
          run.arrived = [](const Scores& now, const Scores& start) {
            return now.distance < 0.2 * start.distance;  // linear terms differ all the same
          };
        EXPECT_TRUE(train(GetParam(), run).arrived);
      }
}

TEST_P(EveryMethod, ArrivesAtTheMinimumOfAQuadratic) {
  if (!GetParam().exact_with_ranks_that_differ) GTEST_SKIP() << "only where ranks agree";
  for (const double condition : {1.0, 5.0}) {
    Training run{.problem = quadratic(condition, 3)};
    run.arrived = near_solution;
    EXPECT_TRUE(train(GetParam(), run).arrived) << "condition " << condition;
  }
}

TEST_P(EveryMethod, TakesTheProxOfCompositeProblems) {
  if (!GetParam().exact_with_ranks_that_differ) GTEST_SKIP() << "only where ranks agree";
  for (const ProxOptions& prox :
       {ProxOptions{BoxProx{-0.5, 0.5}}, ProxOptions{L1Prox{0.3}}, ProxOptions{BallProx{1}}}) {
    Training run{.problem = quadratic(3, 5, prox)};
    run.arrived = near_solution;
    if (GetParam().takes_prox)
      EXPECT_TRUE(train(GetParam(), run).arrived) << "prox " << prox.index();
    else
      EXPECT_THROW(train(GetParam(), run), ConfigError);
  }
}

TEST_P(EveryMethod, ResumesToTheSameBits) {
  Training run{.problem = bilinear(3, 7, 4), .steps = 60};
  const Outcome whole = train(GetParam(), run);
  for (const std::uint64_t at : {1, 2, 37}) {
    run.interrupted_at = at;
    EXPECT_EQ(train(GetParam(), run).hash, whole.hash) << "at " << at;
  }
}

TEST(Saddle, StepsByAdamResumeToTheSameBits) {
  const std::vector<Row> rows{
      {"extragradient",
       with(make_extragradient, {.rate = 0.01, .rule = AdamWOptions{}, .rate_floor = 0.1}), dense},
      {"masha2",
       with(make_masha2,
            {{.rate = 0.01, .sync_probability = 0.2, .rule = AdamWOptions{}, .rate_floor = 0.1}}),
       both_ways<contractive>}};
  for (const Row& row : rows) {
    Training run{.problem = bilinear(3, 7, 4), .steps = 60};
    const Outcome whole = train(row, run);
    for (const std::uint64_t at : {1, 37}) {
      run.interrupted_at = at;
      EXPECT_EQ(train(row, run).hash, whole.hash) << row.name << " at " << at;
    }
  }
}

TEST(Saddle, RatesFallByHalfACosine) {
  const auto oracle = quadratic(3, 5)(0, 1);
  const Turn turn(*oracle);
  const std::vector<float> from(20), g(20, 1);
  std::vector<float> out(20);
  ProxStep falls(0.5, {.floor = 0.2, .steps = 100}, SgdOptions{}, 20);
  ProxStep stays(0.5, {}, SgdOptions{}, 20);
  for (const auto& [step, rate] : {std::pair{0u, 0.5}, {50u, 0.3}, {100u, 0.1}}) {
    falls.begin(step);
    falls(from, g, out, turn);
    EXPECT_NEAR(out[7], -rate, 1e-6);
    stays.begin(step);
    stays(from, g, out, turn);
    EXPECT_EQ(out[7], -0.5f);
  }
}

TEST(Saddle, Masha2TakesAProxWithARateThatIsGiven) {
  Training run{.problem = quadratic(3, 5, BoxProx{-0.5, 0.5})};
  run.arrived = near_solution;
  EXPECT_TRUE(train({"masha2", with(make_masha2, {{.rate = 0.05}}), contractive}, run).arrived);
}

const Row& row(const std::string& name) {
  for (const Row& row : rows())
    if (row.name == name) return row;
  throw std::logic_error(name);
}

TEST(Saddle, MonotoneGamesAreSolvedToo) {
  for (const char* name : {"extragradient", "optimistic_gradient", "masha1"}) {
    Training run{.ranks = 3};
    run.problem = [](int rank, int ranks) {
      return make_matrix_game({.houses = 12, .reach = 2, .spread = 0.5}, 2, rank, ranks);
    };
    run.arrived = [](const Scores& now, const Scores& start) { return now.gap < 1e-2 * start.gap; };
    EXPECT_TRUE(train(row(name), run).arrived) << name;
  }
}

TEST(Saddle, RobustRegressionIsSolvedToo) {
  const auto data = load_libsvm(small_test_data());
  for (const char* name : {"extragradient", "optimistic_gradient", "masha1"}) {
    Training run{.ranks = 3, .density = 0.5, .steps = 4000};
    run.problem = [data](int rank, int ranks) {
      return make_robust_regression({.w_l2 = 0.5, .r_l2 = 1.6}, data, 1, rank, ranks);
    };
    run.arrived = [](const Scores& now, const Scores& start) { return now.gap < 1e-4 * start.gap; };
    EXPECT_TRUE(train(row(name), run).arrived) << name;
  }
}

TEST(Saddle, MiniBatchesOfDifferencesArrive) {
  const auto instance = make_bilinear_instance(
      {.dimensions = 10, .condition = 4, .spread = 0.5, .pieces = 8, .noise = 0.3}, 1, 4);
  const double rate = 0.1 / make_bilinear(instance, 0)->constants().largest_smoothness;
  const std::vector<Row> batched{
      {"masha1", with(make_masha1, {{.rate = rate, .batch = 2}}), unbiased},
      {"masha2", with(make_masha2, {{.rate = rate / 2, .batch = 2}}), contractive}};
  for (const Row& row : batched) {
    Training run;
    run.problem = [instance](int rank, int) { return make_bilinear(instance, rank); };
    run.arrived = near_solution;
    EXPECT_TRUE(train(row, run).arrived) << row.name;
  }
}

TEST(Saddle, WithoutCorrectionCompressionStopsShort) {
  const double rate = 0.05;
  const std::vector<Row> naive{
      {"descent_ascent", with(make_descent_ascent, {.rate = rate}), unbiased},
      {"extragradient", with(make_extragradient, {.rate = rate}), unbiased}};
  for (const Row& row : naive) {
    Training run{.problem = bilinear(4, 1, 4), .steps = 4000};
    run.arrived = [](const Scores& now, const Scores& start) {
      return now.distance < 1e-4 * start.distance;
    };
    EXPECT_FALSE(train(row, run).arrived) << row.name;
  }
}

/// What the ConfigError says; empty if there is none.
std::string refusal(const Row& row) {
  try {
    train(row, {.problem = bilinear(4, 1, 4), .steps = 1});
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

TEST(Saddle, CompressorsThatBreakTheContractAreRefused) {
  const auto contains = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  Row wrong = row("masha1");
  wrong.exchange = [](double density) {
    ExchangeOptions options = contractive(density);
    options.feedback.on = false;
    return options;
  };
  EXPECT_TRUE(contains(refusal(wrong), "unbiased"));
  wrong = row("diana");
  wrong.exchange = contractive;
  EXPECT_TRUE(contains(refusal(wrong), "unbiased"));
  wrong = row("masha2");
  wrong.exchange = unbiased;
  EXPECT_TRUE(contains(refusal(wrong), "contractive"));
  wrong.exchange = [](double density) {
    ExchangeOptions options = contractive(density);
    options.feedback.on = false;
    return options;
  };
  EXPECT_TRUE(contains(refusal(wrong), "error_feedback"));
  wrong = row("extragradient");
  wrong.exchange = contractive;
  EXPECT_TRUE(contains(refusal(wrong), "error_feedback"));
}

TEST(Saddle, TheoryHasNoRateForWhatItDoesNotCover) {
  Row compressed = row("extragradient");
  compressed.exchange = unbiased;
  EXPECT_NE(refusal(compressed).find("method.rate"), std::string::npos);
  const Row falls{"", with(make_extragradient, {.rate_floor = 0.5}), dense};
  EXPECT_NE(refusal(falls).find("method.rate"), std::string::npos);
}

TEST(Saddle, ParticipantsAreDrawnEvenly) {
  std::vector<int> times(7);
  for (std::uint64_t step = 0; step < 700; ++step) {
    const auto drawn = draw_participants(make_key(1, kEveryRank, step, RngPurpose::test), 3, 7);
    ASSERT_EQ(drawn.size(), 3u);
    ASSERT_LT(drawn[0], drawn[1]);
    ASSERT_LT(drawn[1], drawn[2]);
    for (const int rank : drawn) ++times[static_cast<std::size_t>(rank)];
  }
  for (const int count : times) EXPECT_NEAR(count, 300, 70);
  EXPECT_TRUE(draw_participants({}, 0, 7).empty());
  EXPECT_TRUE(draw_participants({}, 7, 7).empty());
}

}  // namespace
}  // namespace laconic
