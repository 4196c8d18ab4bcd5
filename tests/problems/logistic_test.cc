#include "problems/logistic.h"

#include <gtest/gtest.h>

#include "base/errors.h"
#include "tests/data/test_data.h"
#include "tests/problems/oracle_checks.h"

namespace laconic {
namespace {

constexpr Sample kAll{};

LogisticData small() { return {.train = load_libsvm(small_test_data()), .test = nullptr}; }

LogisticData from_text(const char* train, const char* test = nullptr) {
  return {.train = parse_libsvm(train, "train"),
          .test = test ? parse_libsvm(test, "test") : nullptr};
}

TEST(Logistic, GradientAndHessianBelongToTheLoss) {
  const auto oracle = make_logistic({.l2 = 1e-2}, small(), 1, 0, 3);
  for (const Sample& sample : {kAll, Sample{.draw = 5, .size = 16}}) {
    expect_gradient_of_loss(*oracle, sample, 0.1, 1e-5);
    expect_hessian_of_gradient(*oracle, sample, 0.1, 1e-4);
  }
}

TEST(Logistic, KnownValuesOnAHandfulOfExamples) {
  // By hand: margins 1 and -3 at x = (1, 2); labels 3 and 7 stand for -1 and +1.
  const auto data = from_text("7 1:1\n3 1:1 2:1\n");
  const auto oracle = make_logistic({.l2 = 0.5}, data, 1, 0, 1);
  std::vector<float> gradient(2);
  const double loss = oracle->evaluate(std::vector<float>{1, 2}, kAll, gradient, {});
  const double a = std::log1p(std::exp(-1.0)), b = std::log1p(std::exp(3.0));
  EXPECT_NEAR(loss, (a + b) / 2 + 0.25 * 5, 1e-12);
  const double p = 1 / (1 + std::exp(1.0)), q = 1 / (1 + std::exp(-3.0));
  EXPECT_FLOAT_EQ(gradient[0], static_cast<float>((-p + q) / 2 + 0.5 * 1));
  EXPECT_FLOAT_EQ(gradient[1], static_cast<float>(q / 2 + 0.5 * 2));
  EXPECT_EQ(oracle->score(std::vector<float>{1, 2}, {}).accuracy, 0.5);
}

TEST(Logistic, HugeMarginsDoNotOverflow) {
  const auto oracle = make_logistic({.l2 = 0}, from_text("1 1:1e4\n-1 1:1e4\n"), 1, 0, 1);
  std::vector<float> gradient(1);
  EXPECT_DOUBLE_EQ(oracle->evaluate(std::vector<float>{1e4f}, kAll, gradient, {}), 5e7);
  EXPECT_FLOAT_EQ(gradient[0], 5e3f);
  EXPECT_DOUBLE_EQ(oracle->evaluate(std::vector<float>{-1e4f}, kAll, gradient, {}), 5e7);
  EXPECT_FLOAT_EQ(gradient[0], -5e3f);
}

TEST(Logistic, PartsOfTheDataSumToTheWhole) {
  // 1,000 examples on 4 or 5 ranks: none is left out.
  const auto data = small();
  const auto whole = make_logistic({}, data, 1, 0, 1);
  const std::size_t count = flat_size(whole->layout());
  const auto x = random_point(count, 1, 0.5);
  std::vector<float> expected(count), part(count);
  const double loss = whole->evaluate(x, kAll, expected, {});
  for (const auto partition : {Partition::shuffled, Partition::contiguous, Partition::by_label}) {
    for (const int ranks : {4, 5}) {
      std::vector<double> mean(count);
      double mean_loss = 0;
      for (int r = 0; r < ranks; ++r) {
        const auto oracle = make_logistic({.partition = partition}, data, 1, r, ranks);
        EXPECT_EQ(oracle->examples(), 1000u / static_cast<unsigned>(ranks));
        mean_loss += oracle->evaluate(x, kAll, part, {}) / ranks;
        for (std::size_t i = 0; i < count; ++i) mean[i] += double{part[i]} / ranks;
      }
      EXPECT_NEAR(mean_loss, loss, 1e-12);
      for (std::size_t i = 0; i < count; ++i) EXPECT_NEAR(mean[i], expected[i], 1e-7);
    }
  }
}

TEST(Logistic, BatchesOfAnEpochMeanTheFullGradient) {
  const auto oracle = make_logistic({}, small(), 1, 1, 2);
  const std::size_t count = flat_size(oracle->layout());
  const auto x = random_point(count, 1, 0.5);
  const auto full = gradient_at(*oracle, x, kAll);
  std::vector<double> mean(count);
  for (std::uint64_t draw = 30; draw < 40; ++draw) {  // epoch 3: 500 examples in batches of 50
    const auto part = gradient_at(*oracle, x, {.draw = draw, .size = 50});
    for (std::size_t i = 0; i < count; ++i) mean[i] += part[i] / 10.0;
  }
  for (std::size_t i = 0; i < count; ++i) EXPECT_NEAR(mean[i], full[i], 1e-7);
  EXPECT_NE(gradient_at(*oracle, x, {.draw = 0, .size = 50}),
            gradient_at(*oracle, x, {.draw = 1, .size = 50}));
}

TEST(Logistic, ByLabelMakesRanksDiffer) {
  const auto data = from_text("1 1:1\n-1 1:1\n1 1:1\n-1 1:1\n");
  std::vector<float> zero(1);
  const LogisticOptions options{.partition = Partition::by_label};
  EXPECT_FLOAT_EQ(gradient_at(*make_logistic(options, data, 1, 0, 2), zero, kAll)[0], 0.5f);
  EXPECT_FLOAT_EQ(gradient_at(*make_logistic(options, data, 1, 1, 2), zero, kAll)[0], -0.5f);
}

TEST(Logistic, SharesOfScoresMeanTheWhole) {
  const auto oracle = make_logistic({}, small(), 1, 0, 1);
  const auto x = random_point(flat_size(oracle->layout()), 1, 0.1);
  const Scores whole = oracle->score(x, {});
  for (const int count : {2, 3, 7}) {
    double loss = 0, accuracy = 0;
    std::uint64_t examples = 0;
    for (int index = 0; index < count; ++index) {
      const Scores part = oracle->score(x, {index, count});
      loss += part.loss * static_cast<double>(part.examples);
      accuracy += part.accuracy * static_cast<double>(part.examples);
      examples += part.examples;
    }
    EXPECT_EQ(examples, 1000u);
    EXPECT_NEAR(loss / 1000, whole.loss, 1e-12);
    EXPECT_NEAR(accuracy / 1000, whole.accuracy, 1e-12);
  }
  EXPECT_TRUE(std::isnan(whole.gap));
}

TEST(Logistic, ConstantsBoundTheSpectrum) {
  // numpy.linalg.eigvalsh(A'A / n)[-1] for the 1,000 examples: 6.267573440890178.
  const auto data = small();
  const Constants one = make_logistic({.l2 = 1e-3}, data, 1, 0, 1)->constants();
  const double exact = 6.267573440890178 / 4 + 1e-3;
  EXPECT_GE(one.smoothness, exact);
  EXPECT_LE(one.smoothness, 1.011 * exact);
  EXPECT_DOUBLE_EQ(one.largest_smoothness, one.smoothness);
  EXPECT_EQ(one.strong_convexity, 1e-3);
  const Constants four =
      make_logistic({.l2 = 1e-3, .partition = Partition::by_label}, data, 1, 2, 4)->constants();
  EXPECT_NEAR(four.smoothness, one.smoothness, 1e-4);
  EXPECT_GT(four.largest_smoothness, four.smoothness);
}

/// Gradient descent with Nesterov's momentum for strongly convex functions, on one rank.
std::vector<float> minimise(Oracle& oracle, int steps) {
  const Constants constants = oracle.constants();
  const double root = std::sqrt(constants.strong_convexity / constants.smoothness);
  const auto momentum = static_cast<float>((1 - root) / (1 + root));
  const auto rate = static_cast<float>(1 / constants.smoothness);
  std::vector<float> x(flat_size(oracle.layout())), ahead = x, gradient = x;
  for (int step = 0; step < steps; ++step) {
    oracle.evaluate(ahead, kAll, gradient, {});
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float next = ahead[i] - rate * gradient[i];
      ahead[i] = next + momentum * (next - x[i]);
      x[i] = next;
    }
  }
  return x;
}

// Minima and accuracies by Newton's method in double (numpy 2, scipy sparse, the data rounded to
// float as we hold them; |gradient| < 1e-13); scikit-learn's LogisticRegression(C = 1 / (l2 n),
// fit_intercept=False) has the same to 12 digits.
TEST(Logistic, MinimumIsTheKnownOneOnTheSmallFile) {
  const auto oracle = make_logistic({.l2 = 1e-3}, small(), 1, 0, 1);
  const Scores scores = oracle->score(minimise(*oracle, 800), {});
  EXPECT_NEAR(scores.loss, 0.3037019656734048, 1e-9);
  EXPECT_NEAR(scores.accuracy, 0.864, 1e-3);
}

TEST(Logistic, MinimumIsTheKnownOneOnA9a) {
  const LogisticOptions options{
      .path = test_data("a9a"), .test_path = test_data("a9a.t"), .l2 = 1e-2};
  const auto oracle = make_logistic(options, load_logistic(options), 1, 0, 1);
  ASSERT_EQ(flat_size(oracle->layout()), 123u);
  const auto x = minimise(*oracle, 200);
  std::vector<float> gradient(x.size());
  EXPECT_NEAR(oracle->evaluate(x, kAll, gradient, {}), 0.3727237468639261, 1e-8);
  EXPECT_EQ(oracle->score(x, {}).examples, 16281u);
  EXPECT_GT(oracle->score(x, {}).accuracy, 0.84);
}

TEST(Logistic, MinimumIsTheKnownOneOnPhishing) {
  const LogisticOptions options{.path = test_data("phishing"), .l2 = 1e-2};
  const auto oracle = make_logistic(options, load_logistic(options), 1, 0, 1);
  const Scores scores = oracle->score(minimise(*oracle, 150), {});
  EXPECT_NEAR(scores.loss, 0.5334618096198553, 1e-9);
  EXPECT_NEAR(scores.accuracy, 0.9146992311171416, 1e-4);
}

TEST(Logistic, TheTestFileMayBeNarrowerOrWider) {
  const char* narrow = "1 1:1\n-1 2:1\n";
  const char* wide = "1 1:1 5:1\n";
  EXPECT_EQ(flat_size(make_logistic({}, from_text(narrow, wide), 1, 0, 1)->layout()), 5u);
  EXPECT_EQ(flat_size(make_logistic({}, from_text("1 5:1\n-1\n", "1 1:1\n"), 1, 0, 1)->layout()),
            5u);
}

TEST(Logistic, RefusesDataThatDoNotFit) {
  const auto refusal = [](const LogisticData& data, int ranks) {
    try {
      make_logistic({}, data, 1, 0, ranks);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refusal(from_text("1 1:1\n1 2:1\n"), 1),
            "train: all labels are 1, expected two values");
  EXPECT_EQ(refusal(from_text("1 1:1\n2 1:1\n3 1:1\n"), 1), "train:2: label 2 is neither 1 nor 3");
  EXPECT_EQ(refusal(from_text("1 1:1\n-1 1:1\n", "1 1:1\n0 1:1\n"), 1),
            "test:2: label 0 is neither -1 nor 1");
  EXPECT_EQ(refusal(from_text("1 1:1\n-1 1:1\n"), 3), "train: 2 examples for 3 ranks");
  EXPECT_THROW(make_logistic({.l2 = -1}, from_text("1 1:1\n-1 1:1\n"), 1, 0, 1), ConfigError);
}

}  // namespace
}  // namespace laconic
