#include <gtest/gtest.h>

#include <set>

#include "base/hash.h"
#include "tests/collectives/exchange_rows.h"
#include "tests/train/training.h"

/// What training promises, with every exchange there is.
namespace laconic {
namespace {

using test::NamedExchange;
using test::TemporaryFolder;
using test::Training;

constexpr std::uint64_t kSteps = 14;

std::vector<NamedExchange> every_exchange(int ranks) {
  auto all = test::all_exchanges(ranks);
  std::vector<NamedExchange> late;  // one of each kind
  std::set<std::size_t> kinds;
  for (const NamedExchange& exchange : all)
    if (kinds.insert(exchange.options.kind.index()).second) {
      late.push_back({exchange.name + ", late", exchange.options});
      late.back().options.late = true;
    }
  all.insert(all.end(), late.begin(), late.end());
  for (NamedExchange& exchange : all) exchange.options.bucket_bytes = 400;
  return all;
}

/// Keeps the hash of the parameters after each step.
class Hashed final : public Method {
 public:
  Hashed(std::unique_ptr<Method> inner, std::vector<std::uint64_t>& hashes)
      : inner_(std::move(inner)), hashes_(hashes) {}

  Report step(Oracle& oracle, const Step& step) override {
    const Report report = inner_->step(oracle, step);
    hashes_.push_back(hash_of(inner_->parameters()));
    return report;
  }
  Floats parameters() const override { return inner_->parameters(); }
  void save(StateWriter& writer) const override { inner_->save(writer); }
  void load(StateReader& reader) override { inner_->load(reader); }

 private:
  std::unique_ptr<Method> inner_;
  std::vector<std::uint64_t>& hashes_;
};

class EveryExchange : public testing::TestWithParam<int> {
 protected:
  using Hashes = std::vector<std::vector<std::uint64_t>>;  ///< By rank, by step.

  /// Of a run, or of the rest of one. It is told to stop in that step, if any.
  Hashes run(const ExchangeOptions& exchange, const std::filesystem::path& out, bool resume,
             std::uint64_t stop_in = kSteps) {
    Hashes hashes(static_cast<std::size_t>(GetParam()));
    Training training(parse_experiment(
        "problem { quadratic { dimensions: 300 condition: 10 } } steps: " + std::to_string(kSteps) +
            " method { sync_sgd { schedule { rate: 0.05 } sgd { momentum: 0.5 } } } "
            "checkpoint { every: 0 } report { score_every: 0 verify_every: 1 }",
        "test", {}));
    training.experiment.exchange = exchange;
    training.ranks = GetParam();
    training.hook = [&](int rank, std::uint64_t draw) {
      if (rank == 0 && draw == stop_in) training.stop = true;
    };
    training.wrap_method = [&](std::unique_ptr<Method> method, int rank) {
      return std::make_unique<Hashed>(std::move(method), hashes[static_cast<std::size_t>(rank)]);
    };
    for (const auto& end : training.run(out, resume)) {
      if (end.thrown && stop_in == kSteps) std::rethrow_exception(end.thrown);
    }
    return hashes;
  }
};

TEST_P(EveryExchange, LeavesTheSameParametersOnAllRanksAfterEveryStepResumedOrNot) {
  std::uint64_t number = 0;
  for (const auto& [name, options] : every_exchange(GetParam())) {
    SCOPED_TRACE(name);
    const TemporaryFolder whole, part;
    const Hashes hashes = run(options, whole.path(), false);
    ASSERT_EQ(hashes[0].size(), kSteps);
    for (const auto& of_rank : hashes) EXPECT_EQ(of_rank, hashes[0]);

    // Told in step 0 to 4, ranks agree on a step some steps later; what is left is not nothing.
    const Hashes begun = run(options, part.path(), false, uniform_below({11, 3}, number++, 5));
    const Hashes resumed = run(options, part.path(), true);
    EXPECT_FALSE(begun[0].empty());
    EXPECT_FALSE(resumed[0].empty());
    for (std::size_t r = 0; r < hashes.size(); ++r) {
      auto together = begun[r];
      together.insert(together.end(), resumed[r].begin(), resumed[r].end());
      EXPECT_EQ(together, hashes[0]) << "rank " << r;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, EveryExchange, testing::Values(2, 3),
                         testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(ManyThreads, EveryExchange, testing::Values(5, 8),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace laconic
