#include "methods/update_rule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/errors.h"
#include "base/rng.h"

namespace laconic {
namespace {

/// The options of a rule and the same rule in double, one element at a time, as its source has it.
struct Case {
  const char* name;
  UpdateRuleOptions options;
  std::vector<float> after_five;  // what LibTorch gives, see golden_gradient
};

// Golden values: torch::optim::SGD and AdamW of LibTorch 2.11.0 (CPU, float) from the start and
// with the gradients and rates of `golden_gradient` and `golden_rate`, options widened from float.
const std::vector<float> kStart{1, -2, 0.5f, 3, -0.25f};

std::vector<float> golden_gradient(int step, const std::vector<float>& x) {
  return {0.5f * x[0], x[1] - 1, step % 2 ? 0.0f : 1.0f, step % 2 ? -2.0f : 2.0f,
          1e-3f * static_cast<float>(step + 1)};
}

float golden_rate(int step) { return 0.1f / static_cast<float>(1 + step); }

std::vector<Case> cases() {
  return {{"sgd",
           SgdOptions{.weight_decay = 0.01f},
           {0.888333738f, -1.36548102f, 0.34566924f, 2.83668709f, -0.249929354f}},
          {"momentum",
           SgdOptions{.momentum = 0.9f, .weight_decay = 0.01f},
           {0.78042227f, -0.764553726f, 0.202712521f, 2.71183896f, -0.249788597f}},
          {"nesterov",
           SgdOptions{.momentum = 0.9f, .weight_decay = 0.01f, .nesterov = true},
           {0.703101993f, -0.39117685f, 0.0785031766f, 2.57791328f, -0.249739662f}},
          {"adamw",
           AdamWOptions{.weight_decay = 0.05f},
           {0.762365818f, -1.75016189f, 0.302094281f, 2.8552103f, -0.469778627f}}};
}

/// One element of a rule in double, written down from torch's documentation, not from our loops.
struct Reference {
  double x = 0, velocity = 0, first = 0, second = 0;
  int steps = 0;

  void operator()(const SgdOptions& o, double gradient, double rate) {
    const double g = gradient + double{o.weight_decay} * x;
    velocity = steps++ == 0 ? g : double{o.momentum} * velocity + g;
    x -= rate * (o.nesterov ? g + double{o.momentum} * velocity : velocity);
  }
  void operator()(const AdamWOptions& o, double gradient, double rate) {
    const double beta1 = o.beta1, beta2 = o.beta2;
    ++steps;
    x -= rate * double{o.weight_decay} * x;
    first += (1 - beta1) * (gradient - first);
    second += (1 - beta2) * (gradient * gradient - second);
    const double first_hat = first / (1 - std::pow(beta1, steps));
    const double second_hat = second / (1 - std::pow(beta2, steps));
    x -= rate * first_hat / (std::sqrt(second_hat) + double{o.epsilon});
  }
};

TEST(UpdateRule, GivesWhatTorchGives) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    auto x = kStart;
    const auto rule = make_update_rule(c.options, x.size());
    for (int step = 0; step < 5; ++step)
      rule->apply(golden_gradient(step, x), golden_rate(step), x);
    for (std::size_t i = 0; i < x.size(); ++i)
      EXPECT_NEAR(x[i], c.after_five[i], 3e-7 * std::max(1.0f, std::abs(c.after_five[i])));
  }
}

TEST(UpdateRule, FollowsItsFormulaForAHundredSteps) {
  constexpr std::size_t kCount = 67;
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    std::vector<float> x(kCount), gradient(kCount);
    std::vector<Reference> reference(kCount);
    const auto rule = make_update_rule(c.options, kCount);
    for (std::uint64_t step = 0; step < 100; ++step) {
      const RngKey key = make_key(3, kEveryRank, step, RngPurpose::test);
      for (std::size_t i = 0; i < kCount; ++i) {
        gradient[i] = static_cast<float>(normal(key, i));
        std::visit([&](const auto& o) { reference[i](o, gradient[i], 0.01f); }, c.options);
      }
      rule->apply(gradient, 0.01f, x);
    }
    for (std::size_t i = 0; i < kCount; ++i) EXPECT_NEAR(x[i], reference[i].x, 1e-5);
  }
}

TEST(UpdateRule, ResumesToTheSameBits) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    auto straight = kStart, broken = kStart;
    const auto whole = make_update_rule(c.options, kStart.size());
    auto part = make_update_rule(c.options, kStart.size());
    for (int step = 0; step < 9; ++step) {
      if (step == 4) {
        StateWriter writer;
        part->save(writer);
        StateReader reader(writer.blob(), "test");
        part = make_update_rule(c.options, kStart.size());
        part->load(reader);
      }
      whole->apply(golden_gradient(step, straight), golden_rate(step), straight);
      part->apply(golden_gradient(step, broken), golden_rate(step), broken);
    }
    EXPECT_EQ(straight, broken);
  }
}

TEST(UpdateRule, StateOfAnotherSizeIsRefused) {
  StateWriter writer;
  make_update_rule(AdamWOptions{}, 4)->save(writer);
  StateReader reader(writer.blob(), "test");
  EXPECT_THROW(make_update_rule(AdamWOptions{}, 5)->load(reader), DataError);
}

TEST(UpdateRule, RefusesOptionsOutOfRangeByName) {
  const auto refusal = [](const UpdateRuleOptions& options) {
    try {
      make_update_rule(options, 1);
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refusal(SgdOptions{.momentum = 1}), "momentum: expected a value in [0, 1)");
  EXPECT_EQ(refusal(SgdOptions{.momentum = std::nanf("")}), "momentum: expected a value in [0, 1)");
  EXPECT_EQ(refusal(SgdOptions{.weight_decay = -1}),
            "weight_decay: expected 0 or a positive number");
  EXPECT_EQ(refusal(SgdOptions{.nesterov = true}), "nesterov: expected a momentum above 0 with it");
  EXPECT_EQ(refusal(AdamWOptions{.beta1 = -0.1f}), "beta1: expected a value in [0, 1)");
  EXPECT_EQ(refusal(AdamWOptions{.beta2 = 1}), "beta2: expected a value in [0, 1)");
  EXPECT_EQ(refusal(AdamWOptions{.epsilon = 0}), "epsilon: expected a positive number");
}

}  // namespace
}  // namespace laconic
