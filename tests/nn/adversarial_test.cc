#include "nn/adversarial.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <thread>

#include "base/errors.h"
#include "nn/classifier.h"

namespace laconic {
namespace {

const RngKey kKey = make_key(9, kEveryRank, 0, RngPurpose::test);

/// Symbols of which each hints at the next.
std::shared_ptr<const Text> walk(std::size_t length = 4000) {
  std::string content;
  char symbol = 'a';
  for (std::size_t i = 0; i < length; ++i) {
    symbol = static_cast<char>('a' + (symbol - 'a' + uniform_below(kKey, i, 3)) % 10);
    content += symbol;
  }
  return parse_text(content, 0.5, "walk");
}

std::unique_ptr<Oracle> oracle_of(const std::shared_ptr<const Text>& text = walk(), int rank = 0,
                                  int ranks = 1) {
  AdversarialOptions options{
      .model = {.context = 8, .width = 16, .layers = 1, .heads = 2}, .radius = 2, .seed = 3};
  options.rank = rank;
  options.ranks = ranks;
  return make_adversarial(options, text);
}

std::vector<float> start_of(const Oracle& oracle) {
  std::vector<float> x(flat_size(oracle.layout()));
  oracle.initialize(make_key(3, kEveryRank, 0, RngPurpose::initialize), x);
  return x;
}

Slice perturbation_of(const Oracle& oracle) { return slice_of(oracle.layout()[kPerturbation]); }

double length(Floats x) {
  double square = 0;
  for (const float value : x) square += double{value} * value;
  return std::sqrt(square);
}

/// Along random directions of each player alone: F is the gradient of what it makes smaller.
TEST(Adversarial, OperatorLeadsEachPlayerDownItsOwnLoss) {
  const auto oracle = oracle_of();
  const Slice adversary = perturbation_of(*oracle);
  auto x = start_of(*oracle);
  for (std::size_t i = adversary.begin; i < adversary.end(); ++i)
    x[i] = static_cast<float>(0.1 * normal(kKey, i));
  std::vector<float> f(x.size()), unused(x.size()), y(x.size());
  const Sample sample{2, 100};  // in two passes
  oracle->evaluate(x, sample, f, {});
  for (const bool ascends : {false, true}) {
    const auto mine = [&](std::size_t i) {
      return ascends == (i >= adversary.begin && i < adversary.end());
    };
    double norm = 0, h = 1e-2;
    for (std::size_t i = 0; i < x.size(); ++i) norm += mine(i) ? double{f[i]} * f[i] : 0;
    for (std::uint64_t trial = 0; trial < 4; ++trial) {
      std::vector<double> d(x.size());
      double slope = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (!mine(i)) continue;
        d[i] = f[i] / std::sqrt(norm) +
               normal(derive(kKey, trial), i) / std::sqrt(static_cast<double>(x.size()));
        slope += d[i] * f[i];
      }
      const auto loss_at = [&](double t) {
        for (std::size_t i = 0; i < x.size(); ++i) y[i] = static_cast<float>(x[i] + t * d[i]);
        return oracle->evaluate(y, sample, unused, {});
      };
      const double rise = (loss_at(h) - loss_at(-h)) / (2 * h);
      EXPECT_NEAR(ascends ? -rise : rise, slope, 0.03 * std::sqrt(norm));
    }
  }
}

TEST(Adversarial, ProxPutsThePerturbationIntoItsBallAndNothingElse) {
  const auto oracle = oracle_of();
  EXPECT_TRUE(oracle->has_prox());
  const Slice adversary = perturbation_of(*oracle);
  auto x = start_of(*oracle);
  for (float& value : part(MutFloats(x), adversary)) value = 1;
  const auto before = x;
  oracle->prox(0.1f, x);
  EXPECT_NEAR(length(part(Floats(x), adversary)), 2, 1e-5);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (i >= adversary.begin && i < adversary.end()) continue;
    ASSERT_EQ(x[i], before[i]);
  }
  for (float& value : part(MutFloats(x), adversary)) value = 0.01f;
  const auto inside = x;
  oracle->prox(0.1f, x);
  EXPECT_EQ(x, inside);
}

TEST(Adversarial, ScoresDoNotDependOnHowManyShareTheWork) {
  const auto oracle = oracle_of();  // 249 windows: four passes, the last a short one
  const auto x = start_of(*oracle);
  const Scores whole = oracle->score(x, {});
  EXPECT_EQ(whole.examples, 249u);
  EXPECT_GT(whole.robust_loss, whole.loss + 0.01);
  for (const int count : {2, 3, 7}) {
    double loss = 0, right = 0, robust = 0;
    std::uint64_t examples = 0;
    for (int index = 0; index < count; ++index) {
      const Scores share = oracle->score(x, {index, count});
      if (share.examples == 0) continue;
      const auto weight = static_cast<double>(share.examples);
      examples += share.examples;
      loss += share.loss * weight;
      right += share.accuracy * weight;
      robust += share.robust_loss * weight;
    }
    EXPECT_EQ(examples, whole.examples);
    EXPECT_NEAR(loss / 249, whole.loss, 1e-6);
    EXPECT_NEAR(right / 249, whole.accuracy, 1e-9);
    EXPECT_NEAR(robust / 249, whole.robust_loss, 1e-6);
  }
}

/// Of the trained perturbation the clean loss knows nothing, the robust one starts there.
TEST(Adversarial, ARobustLossIsNoBetterThanThePerturbationThatWasTrained) {
  const auto oracle = oracle_of();
  auto x = start_of(*oracle);
  std::vector<float> f(x.size());
  const double clean = oracle->score(x, {}).loss;
  for (int step = 0; step < 20; ++step) {  // of the adversary alone
    oracle->evaluate(x, {}, f, {});
    const Slice adversary = perturbation_of(*oracle);
    for (std::size_t i = adversary.begin; i < adversary.end(); ++i) x[i] -= 10 * f[i];
    oracle->prox(1, x);
  }
  const Scores scores = oracle->score(x, {});
  EXPECT_EQ(scores.loss, clean);
  EXPECT_GT(scores.robust_loss, clean + 0.05);
}

TEST(Adversarial, ThreadsGiveTheBitsOfOne) {
  set_compute_threads(1);
  const auto text = walk();
  const auto f_of = [&text] {
    const auto oracle = oracle_of(text, 1, 3);
    const auto x = start_of(*oracle);
    std::vector<float> f(x.size());
    oracle->evaluate(x, {4, 16}, f, {});
    return f;
  };
  const auto alone = f_of();
  std::vector<std::vector<float>> results(3);
  std::vector<std::thread> ranks;
  for (auto& result : results) ranks.emplace_back([&] { result = f_of(); });
  for (auto& rank : ranks) rank.join();
  for (const auto& result : results)
    EXPECT_EQ(std::memcmp(result.data(), alone.data(), alone.size() * sizeof(float)), 0);
}

TEST(Adversarial, RefusesTextsThatAreTooShort) {
  EXPECT_THROW(oracle_of(walk(40), 0, 3), DataError);  // two windows to train on
  EXPECT_THROW(oracle_of(walk(14)), DataError);        // none that is held out
}

}  // namespace
}  // namespace laconic
