// What Laconic costs where it has nothing to save: one rank against a bare LibTorch loop of the
// same model, torch::nn modules and torch::optim::SGD, batch 32, one thread. Blocks of steps of the
// two take turns in one process, so that both see the same machine.
//
//   bench_bare_loop [fedavg_cnn|small_cnn] [rounds = 20] [steps a block = 10]
//
// First both take a few steps from the same point on the same examples and must agree: then they
// do the same work. With 0 rounds that is all.
#include <torch/torch.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "base/clock.h"
#include "collectives/exchange.h"
#include "collectives/transports/in_process.h"
#include "methods/sync_sgd.h"
#include "nn/classifier.h"

namespace {

using namespace laconic;

constexpr std::uint64_t kSeed = 1;
constexpr std::uint32_t kBatch = 32;
constexpr float kRate = 0.05f, kMomentum = 0.9f;
constexpr int kCheckedSteps = 20;
constexpr double kAgreement = 1e-3;  // of losses; sums are rounded in another order

struct Shape {
  std::int64_t kernel, channels1, channels2, hidden;
};

torch::nn::Sequential make_module(const Shape& s) {
  using namespace torch::nn;
  const auto conv = [&](std::int64_t in, std::int64_t out) {
    return Conv2d(Conv2dOptions(in, out, s.kernel).padding(s.kernel / 2));
  };
  return Sequential(conv(1, s.channels1), MaxPool2d(2), ReLU(), conv(s.channels1, s.channels2),
                    MaxPool2d(2), ReLU(), Flatten(), Linear(s.channels2 * 7 * 7, s.hidden), ReLU(),
                    Linear(s.hidden, 10));
}

/// The loop that everyone would write: all examples as floats in one tensor, batches by index.
class BareLoop {
 public:
  BareLoop(const Shape& shape, const Dataset& data, const Layout& layout, Floats start)
      : module_(make_module(shape)),
        optimizer_(module_->parameters(), torch::optim::SGDOptions(kRate).momentum(kMomentum)),
        sampler_(partition_examples(data.labels, Partition::shuffled,
                                    make_key(kSeed, kEveryRank, 0, RngPurpose::partition), 0, 1),
                 make_key(kSeed, 0, 0, RngPurpose::sample)) {
    const auto n = static_cast<std::int64_t>(data.size());
    auto bytes = std::get<std::vector<std::uint8_t>>(data.examples);
    examples_ =
        torch::from_blob(bytes.data(), {n, 1, 28, 28}, torch::kByte).to(torch::kFloat) / 127.5f - 1;
    const std::vector<std::int64_t> labels(data.labels.begin(), data.labels.end());
    labels_ = torch::tensor(labels, torch::kLong);
    const torch::NoGradGuard no_grad;
    for (std::size_t t = 0; t < layout.size(); ++t) {
      torch::Tensor p = module_->parameters()[t];
      std::copy_n(start.data() + layout[t].begin, layout[t].count(), p.data_ptr<float>());
    }
  }

  double step(std::uint64_t draw) {
    const auto batch = sampler_.batch(draw, kBatch);
    const std::vector<std::int64_t> indices(batch.begin(), batch.end());
    const auto index = torch::tensor(indices, torch::kLong);
    optimizer_.zero_grad();
    const auto logits = module_->forward(examples_.index_select(0, index));
    const auto loss = torch::nn::functional::cross_entropy(logits, labels_.index_select(0, index));
    loss.backward();
    optimizer_.step();
    return loss.item<double>();
  }

 private:
  torch::nn::Sequential module_;
  torch::optim::SGD optimizer_;
  BatchSampler sampler_;
  torch::Tensor examples_, labels_;
};

/// As the launcher puts it together: a ring of one rank, synchronous SGD over a classifier.
class OurLoop {
 public:
  OurLoop(const ModelOptions& model, const TrainAndTest& data)
      : oracle_(make_classifier({model, Partition::shuffled, kSeed, 0, 1}, data)),
        group_(make_in_process_group(1)),
        exchange_(make_exchange({}, *group_[0], oracle_->layout())),
        method_(make_sync_sgd(options(), *exchange_, start())) {}

  double step(std::uint64_t index) {
    const RngKey key = make_key(kSeed, kEveryRank, index, RngPurpose::compress);
    return method_->step(*oracle_, {index, key, {}}).loss.value();
  }

  const Layout& layout() const { return oracle_->layout(); }
  Floats parameters() const { return method_->parameters(); }

 private:
  static SyncSgdOptions options() {
    SyncSgdOptions o;
    o.batch = kBatch;
    o.schedule.rate = kRate;
    o.rule = SgdOptions{kMomentum, 0, false};
    return o;
  }
  std::vector<float> start() const {
    std::vector<float> x(flat_size(oracle_->layout()));
    oracle_->initialize(make_key(kSeed, kEveryRank, 0, RngPurpose::initialize), x);
    return x;
  }

  std::unique_ptr<Oracle> oracle_;
  std::vector<std::unique_ptr<Transport>> group_;
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<Method> method_;
};

bool agree(BareLoop& bare, OurLoop& ours) {
  for (int step = 0; step < kCheckedSteps; ++step) {
    const double a = bare.step(static_cast<std::uint64_t>(step));
    const double b = ours.step(static_cast<std::uint64_t>(step));
    // Before the first update, nothing has been rounded otherwise.
    if (step == 0 ? a != b : std::abs(a - b) > kAgreement) {
      std::printf("step %d: the bare loop's loss is %.9g, ours %.9g\n", step, a, b);
      return false;
    }
  }
  std::printf("losses agree over %d steps\n", kCheckedSteps);
  return true;
}

template <typename Loop>
double milliseconds_a_step(Loop& loop, std::uint64_t first, int steps) {
  const Stopwatch watch;
  for (int i = 0; i < steps; ++i) loop.step(first + static_cast<std::uint64_t>(i));
  return 1e3 * watch.seconds() / steps;
}

double quantile(std::vector<double> v, double q) {
  std::sort(v.begin(), v.end());
  return v[static_cast<std::size_t>(q * static_cast<double>(v.size() - 1) + 0.5)];
}

void print(const char* what, const std::vector<double>& v) {
  std::printf("%-8s median %.3f, middle half %.3f to %.3f\n", what, quantile(v, 0.5),
              quantile(v, 0.25), quantile(v, 0.75));
}

void race(BareLoop& bare, OurLoop& ours, int rounds, int steps) {
  std::vector<double> bare_times, our_times, ratios;
  for (int round = 0; round < rounds; ++round) {
    const auto first = static_cast<std::uint64_t>(kCheckedSteps + round * steps);
    double a = 0, b = 0;
    if (round % 2 == 0) a = milliseconds_a_step(bare, first, steps);
    b = milliseconds_a_step(ours, first, steps);
    if (round % 2 == 1) a = milliseconds_a_step(bare, first, steps);
    bare_times.push_back(a), our_times.push_back(b), ratios.push_back(b / a);
  }
  std::printf("%d blocks of %d steps each, ms a step:\n", rounds, steps);
  print("bare", bare_times);
  print("laconic", our_times);
  print("ratio", ratios);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string model = argc > 1 ? argv[1] : "fedavg_cnn";
  const int rounds = argc > 2 ? std::stoi(argv[2]) : 20, steps = argc > 3 ? std::stoi(argv[3]) : 10;
  const bool small = model == "small_cnn";
  set_compute_threads(1);
  const TrainAndTest data = load_dataset(FashionMnistOptions{});
  OurLoop ours(small ? ModelOptions(SmallCnnOptions{}) : FedAvgCnnOptions{}, data);
  BareLoop bare(small ? Shape{3, 16, 32, 64} : Shape{5, 32, 64, 512}, *data.train, ours.layout(),
                ours.parameters());
  if (!agree(bare, ours)) return 1;
  if (rounds > 0) race(bare, ours, rounds, steps);
}
