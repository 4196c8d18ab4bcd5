#include "nn/classifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <set>
#include <thread>

#include "base/errors.h"

namespace laconic {
namespace {

const RngKey kKey = make_key(7, kEveryRank, 0, RngPurpose::test);

/// Examples with something to learn: the label is where a bright patch lies.
std::shared_ptr<const Dataset> patches(std::vector<std::int64_t> shape, std::uint32_t classes,
                                       std::size_t n, std::uint64_t part) {
  auto set = std::make_shared<Dataset>();
  set->name = "patches";
  set->shape = std::move(shape);
  set->classes = classes;
  const RngKey key = derive(kKey, part);
  const std::size_t size = set->example_size();
  std::vector<std::uint8_t> bytes(n * size);
  for (std::size_t i = 0; i < n; ++i) {
    set->labels.push_back(static_cast<std::uint32_t>(uniform_below(key, i, classes)));
    for (std::size_t j = 0; j < size; ++j) {
      const bool bright = j * classes / size == set->labels[i];
      bytes[i * size + j] =
          static_cast<std::uint8_t>(uniform_below(key, n + i * size + j, 100) + (bright ? 100 : 0));
    }
  }
  set->examples = std::move(bytes);
  return set;
}

TrainAndTest small_data(std::vector<std::int64_t> shape = {1, 8, 8}) {
  return {patches(shape, 3, 96, 0), patches(shape, 3, 50, 1)};
}

std::unique_ptr<Oracle> oracle_of(const ModelOptions& model, const TrainAndTest& data, int rank = 0,
                                  int ranks = 1) {
  return make_classifier({model, Partition::shuffled, 3, rank, ranks}, data);
}

std::vector<float> start_of(const Oracle& oracle) {
  std::vector<float> x(flat_size(oracle.layout()));
  oracle.initialize(make_key(3, kEveryRank, 0, RngPurpose::initialize), x);
  return x;
}

const std::vector<ModelOptions> kModels = {LogisticModelOptions{}, MlpOptions{{16, 12}},
                                           FedAvgCnnOptions{}, SmallCnnOptions{8}};

std::size_t parameters_on_fashion_mnist(const ModelOptions& model) {
  const auto images = patches({1, 28, 28}, 10, 10, 0);
  return flat_size(oracle_of(model, {images, images})->layout());
}

TEST(Models, HaveAsManyParametersAsThePapersSay) {
  EXPECT_EQ(parameters_on_fashion_mnist(LogisticModelOptions{}), 7'850u);
  EXPECT_EQ(parameters_on_fashion_mnist(MlpOptions{{200, 200}}), 199'210u);  // McMahan's "2NN"
  EXPECT_EQ(parameters_on_fashion_mnist(FedAvgCnnOptions{}), 1'663'370u);
  const std::size_t small = parameters_on_fashion_mnist(SmallCnnOptions{});
  EXPECT_GE(small, 50'000u);
  EXPECT_LE(small, 250'000u);
}

TEST(Models, LayoutsHaveNoGapsAndRowsAreOutputs) {
  const auto oracle = oracle_of(FedAvgCnnOptions{}, small_data({2, 9, 8}));
  std::size_t begin = 0;
  for (const Tensor& t : oracle->layout()) {
    EXPECT_EQ(t.begin, begin) << t.name;
    begin += t.count();
  }
  const Tensor& conv2 = oracle->layout()[2];
  EXPECT_EQ(conv2.name, "conv2.weight");
  EXPECT_EQ(conv2.rows, 64u);
  EXPECT_EQ(conv2.columns, 32u * 25);
  EXPECT_EQ(oracle->layout()[0].columns, 2u * 25);
  EXPECT_EQ(oracle->layout()[4].columns, 64u * 2 * 2);  // 9x8 pixels, halved twice
  EXPECT_EQ(oracle->layout()[5].columns, 1u);
}

TEST(Models, RefuseExamplesThatDoNotFit) {
  for (const auto& shape : {std::vector<std::int64_t>{784}, {28, 28}, {1, 3, 28}, {1, 28, 3}}) {
    EXPECT_THROW(oracle_of(FedAvgCnnOptions{}, small_data(shape)), ConfigError);
    EXPECT_THROW(oracle_of(SmallCnnOptions{}, small_data(shape)), ConfigError);
    EXPECT_NO_THROW(oracle_of(MlpOptions{}, small_data(shape)));
  }
  EXPECT_THROW(oracle_of(MlpOptions{{4, 0}}, small_data()), ConfigError);
  EXPECT_THROW(oracle_of(SmallCnnOptions{0}, small_data()), ConfigError);
  EXPECT_THROW(oracle_of(LogisticModelOptions{}, small_data(), 0, 97), ConfigError);
}

TEST(Initialize, IsUniformWithinTheInverseRootOfFanIn) {
  const auto oracle = oracle_of(SmallCnnOptions{64}, small_data());
  const auto x = start_of(*oracle);
  EXPECT_EQ(x, start_of(*oracle_of(SmallCnnOptions{64}, small_data(), 2, 3)));
  for (std::size_t t = 0; t < oracle->layout().size(); ++t) {
    const Tensor& tensor = oracle->layout()[t];
    const double fan_in = static_cast<double>(oracle->layout()[t - t % 2].columns);
    double sum = 0, squares = 0, largest = 0;
    for (const float v : part(Floats(x), slice_of(tensor))) {
      sum += v, squares += double{v} * v;
      largest = std::max(largest, std::abs(double{v}));
    }
    const auto n = static_cast<double>(tensor.count());
    EXPECT_LE(largest, 1 / std::sqrt(fan_in)) << tensor.name;
    if (tensor.count() < 1000) continue;
    EXPECT_NEAR(squares / n, 1 / (3 * fan_in), 0.05 / fan_in) << tensor.name;
    EXPECT_NEAR(sum / n, 0, 4 / std::sqrt(3 * fan_in * n)) << tensor.name;
  }
}

/// (f(x + hd) - f(x - hd)) / 2h against the gradient along d, for some random directions d.
TEST(Evaluate, GradientAgreesWithDifferences) {
  for (const ModelOptions& model : kModels) {
    const auto oracle = oracle_of(model, small_data());
    auto x = start_of(*oracle);
    std::vector<float> gradient(x.size()), unused(x.size()), y(x.size());
    const Sample sample{5, 16};
    oracle->evaluate(x, sample, gradient, {});
    double norm = 0;
    for (const float g : gradient) norm += double{g} * g;
    for (std::uint64_t trial = 0; trial < 4; ++trial) {
      // Half along the gradient, so that the slope is well above the rounding of the losses.
      std::vector<double> d(x.size());
      double slope = 0, h = 2e-2;
      for (std::size_t i = 0; i < x.size(); ++i) {
        d[i] = gradient[i] / std::sqrt(norm) +
               normal(derive(kKey, trial), i) / std::sqrt(static_cast<double>(x.size()));
        slope += d[i] * gradient[i];
      }
      const auto loss_at = [&](double t) {
        for (std::size_t i = 0; i < x.size(); ++i) y[i] = static_cast<float>(x[i] + t * d[i]);
        return oracle->evaluate(y, sample, unused, {});
      };
      EXPECT_NEAR((loss_at(h) - loss_at(-h)) / (2 * h), slope, 0.02 * std::sqrt(norm))
          << "model " << model.index();
    }
  }
}

TEST(Evaluate, ReadsAndWritesTheCallersMemory) {
  const auto oracle = oracle_of(MlpOptions{{16}}, small_data());
  auto x = start_of(*oracle);
  const auto x0 = x;
  std::vector<float> a(x.size(), NAN), b(x.size(), NAN);
  const double at_start = oracle->evaluate(x, {0, 8}, a, {});
  const auto first = a;
  for (float& v : x) v *= 2;  // seen through the views, as the pointers are the same
  const double elsewhere = oracle->evaluate(x, {0, 8}, a, {});
  EXPECT_NE(elsewhere, at_start);
  EXPECT_NE(a, first);
  x = x0;
  EXPECT_EQ(oracle->evaluate(x, {0, 8}, b, {}), at_start);  // another output: bound anew
  EXPECT_EQ(b, first);
  const auto moved = x;
  EXPECT_EQ(oracle->evaluate(moved, {0, 8}, a, {}), at_start);  // and another point
  EXPECT_EQ(a, first);  // overwritten, not added to what was there
}

std::size_t tensor_at(const Layout& layout, Slice slice) {
  for (std::size_t t = 0; t < layout.size(); ++t)
    if (slice_of(layout[t]) == slice) return t;
  ADD_FAILURE() << "no tensor";
  return 0;
}

TEST(Evaluate, AnnouncesEachTensorOnceFromTheLastLayerToTheFirst) {
  // All of it takes several passes: what the first leaves is not final.
  const TrainAndTest data{patches({1, 8, 8}, 3, 1203, 0), patches({1, 8, 8}, 3, 10, 1)};
  for (const ModelOptions& model : kModels) {
    const auto oracle = oracle_of(model, data);
    const Layout& layout = oracle->layout();
    const auto x = start_of(*oracle);
    std::vector<float> gradient(x.size());
    for (const std::uint32_t size : {8u, 0u}) {
      std::vector<std::size_t> order;
      std::vector<float> when_announced(x.size());
      oracle->evaluate(x, {1, size}, gradient, [&](Slice s) {
        order.push_back(tensor_at(layout, s));
        const auto values = part(Floats(gradient), s);
        std::copy(values.begin(), values.end(), part(MutFloats(when_announced), s).begin());
      });
      EXPECT_EQ(when_announced, gradient);
      EXPECT_EQ(std::set(order.begin(), order.end()).size(), layout.size());
      EXPECT_EQ(order.size(), layout.size());
      // Weight and bias of a layer are final at once, in either order.
      for (std::size_t& t : order) t /= 2;
      EXPECT_TRUE(std::is_sorted(order.rbegin(), order.rend()));
    }
  }
}

TEST(Evaluate, WhatReadyThrowsArrives) {
  const auto oracle = oracle_of(LogisticModelOptions{}, small_data());
  const auto x = start_of(*oracle);
  std::vector<float> gradient(x.size()), again(x.size());
  EXPECT_THROW(oracle->evaluate(x, {0, 4}, gradient, [](Slice) { throw NumericError("no"); }),
               NumericError);
  oracle->evaluate(x, {0, 4}, again, {});
  oracle_of(LogisticModelOptions{}, small_data())->evaluate(x, {0, 4}, gradient, {});
  EXPECT_EQ(again, gradient);
}

TEST(Evaluate, AllDataIsTheMeanOverItsBatches) {
  // More than one pass, the last a short one.
  const TrainAndTest data{patches({1, 8, 8}, 3, 1203, 0), patches({1, 8, 8}, 3, 10, 1)};
  const auto oracle = oracle_of(MlpOptions{{16}}, data);
  const auto x = start_of(*oracle);
  std::vector<float> all(x.size()), one(x.size());
  std::vector<double> mean(x.size());
  const double loss = oracle->evaluate(x, {0, 0}, all, {});
  double mean_loss = 0;
  for (std::uint64_t draw = 0; draw < 3; ++draw) {
    mean_loss += oracle->evaluate(x, {draw, 401}, one, {}) / 3;
    for (std::size_t i = 0; i < x.size(); ++i) mean[i] += double{one[i]} / 3;
  }
  EXPECT_NEAR(loss, mean_loss, 1e-6);
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(all[i], mean[i], 1e-6) << i;
}

/// A few steps of gradient descent, as rank 1 of 4 would take them alone.
std::vector<float> descended(const ModelOptions& model, const TrainAndTest& data) {
  const auto oracle = oracle_of(model, data, 1, 4);
  auto x = start_of(*oracle);
  std::vector<float> gradient(x.size());
  for (std::uint64_t step = 0; step < 5; ++step) {
    oracle->evaluate(x, {step, 8}, gradient, {});
    for (std::size_t i = 0; i < x.size(); ++i) x[i] -= 0.1f * gradient[i];
  }
  return x;
}

TEST(Evaluate, FourThreadsGiveTheBitsOfOne) {
  set_compute_threads(1);
  const auto data = small_data({1, 28, 28});
  for (const ModelOptions& model : kModels) {
    const auto alone = descended(model, data);
    std::vector<std::vector<float>> results(4);
    std::vector<std::thread> ranks;
    for (auto& result : results) ranks.emplace_back([&] { result = descended(model, data); });
    for (auto& rank : ranks) rank.join();
    for (const auto& result : results)
      EXPECT_EQ(std::memcmp(result.data(), alone.data(), alone.size() * sizeof(float)), 0)
          << "model " << model.index();
  }
}

std::size_t threads_of_this_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

TEST(Evaluate, NewThreadsKeepToTheComputeThreadsThatWereSet) {
  set_compute_threads(1);
  const std::size_t before = threads_of_this_process();
  std::thread([&] {
    descended(FedAvgCnnOptions{}, small_data({1, 28, 28}));
    EXPECT_EQ(threads_of_this_process(), before + 1);
  }).join();
}

TEST(Evaluate, BitsDoNotDependOnAlignment) {
  set_compute_threads(1);
  for (const ModelOptions& model : kModels) {
    const auto oracle = oracle_of(model, small_data({1, 28, 28}));
    const auto start = start_of(*oracle);
    std::vector<float> expected(start.size());
    oracle->evaluate(start, {0, 8}, expected, {});
    std::vector<float> x(start.size() + 16), gradient(start.size() + 16);
    for (std::size_t offset = 0; offset < 16; ++offset) {
      std::copy(start.begin(), start.end(), x.begin() + static_cast<std::ptrdiff_t>(offset));
      const MutFloats out = MutFloats(gradient).subspan(offset, start.size());
      oracle->evaluate(Floats(x).subspan(offset, start.size()), {0, 8}, out, {});
      EXPECT_EQ(std::memcmp(out.data(), expected.data(), out.size_bytes()), 0)
          << "model " << model.index() << ", " << offset << " floats off";
    }
  }
}

TEST(Score, SharesAddUpToTheWhole) {
  const TrainAndTest data{patches({1, 8, 8}, 3, 30, 0), patches({1, 8, 8}, 3, 1207, 1)};
  const auto oracle = oracle_of(MlpOptions{{16}}, data);
  const auto x = start_of(*oracle);
  const Scores whole = oracle->score(x, {});
  EXPECT_EQ(whole.examples, 1207u);
  for (const int count : {2, 7}) {
    double loss = 0, right = 0;
    std::uint64_t examples = 0;
    for (int index = 0; index < count; ++index) {
      const Scores share = oracle->score(x, {index, count});
      examples += share.examples;
      loss += share.loss * static_cast<double>(share.examples);
      right += share.accuracy * static_cast<double>(share.examples);
    }
    EXPECT_EQ(examples, 1207u);
    EXPECT_NEAR(loss / 1207, whole.loss, 1e-6);
    EXPECT_NEAR(right, whole.accuracy * 1207, 1e-9);
  }
}

TEST(Score, AShareWithoutExamplesKnowsNothing) {
  const TrainAndTest data{patches({4}, 2, 4, 0), patches({4}, 2, 2, 1)};
  const auto oracle = oracle_of(LogisticModelOptions{}, data);
  const Scores share = oracle->score(start_of(*oracle), {0, 3});
  EXPECT_EQ(share.examples, 0u);
  EXPECT_TRUE(std::isnan(share.loss) && std::isnan(share.accuracy));
}

TEST(Training, FloatsAndBytesAreTheSameExamples) {
  const auto bytes = patches({5}, 2, 40, 0);
  auto floats = std::make_shared<Dataset>(*bytes);
  std::vector<float> values;
  for (const std::uint8_t b : std::get<0>(bytes->examples))
    values.push_back(static_cast<float>(b) / 127.5f - 1);
  floats->examples = values;
  const auto a = oracle_of(LogisticModelOptions{}, {bytes, bytes});
  const auto b = oracle_of(LogisticModelOptions{}, {floats, floats});
  const auto x = start_of(*a);
  std::vector<float> ga(x.size()), gb(x.size());
  EXPECT_EQ(a->evaluate(x, {0, 8}, ga, {}), b->evaluate(x, {0, 8}, gb, {}));
  EXPECT_EQ(ga, gb);
}

TEST(Training, GradientDescentLearnsFashionMnist) {
  set_compute_threads(1);
  const auto data = load_dataset(FashionMnistOptions{});
  EXPECT_EQ(data.train->size(), 60'000u);
  EXPECT_EQ(data.test->size(), 10'000u);
  const auto oracle = oracle_of(SmallCnnOptions{}, data);
  auto x = start_of(*oracle);
  const Share some{0, 10};
  EXPECT_NEAR(oracle->score(x, some).loss, std::log(10), 0.1);
  std::vector<float> gradient(x.size());
  for (std::uint64_t step = 0; step < 300; ++step) {
    oracle->evaluate(x, {step, 32}, gradient, {});
    for (std::size_t i = 0; i < x.size(); ++i) x[i] -= 0.1f * gradient[i];
  }
  const Scores learned = oracle->score(x, some);
  EXPECT_LT(learned.loss, 0.85);
  EXPECT_GT(learned.accuracy, 0.7);
}

}  // namespace
}  // namespace laconic
