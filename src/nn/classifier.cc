#include "nn/classifier.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <torch/version.h>

#include <algorithm>
#include <type_traits>

#include "base/errors.h"
#include "nn/leaves.h"

namespace laconic {
namespace {

/// Examples in one forward and backward pass: larger batches are summed over passes, so that "all
/// examples" does not need memory for the activations of all examples.
constexpr std::size_t kLargestPass = 500;

template <typename T>
float value_of(T element) {
  if constexpr (std::is_same_v<T, std::uint8_t>)
    return static_cast<float>(element) / 127.5f - 1;
  else
    return element;
}

/// Examples and labels of one pass as tensors, in memory that is used again.
class BatchBuffer {
 public:
  explicit BatchBuffer(const Dataset& data) : data_(data) {}

  /// The tensors are valid until the next call.
  void fill(std::span<const std::uint32_t> indices) {
    const auto n = static_cast<std::int64_t>(indices.size());
    if (!inputs_.defined() || n > inputs_.size(0)) allocate(n);
    x = inputs_.narrow(0, 0, n);
    y = targets_.narrow(0, 0, n);
    std::visit([&](const auto& examples) { gather(examples, indices); }, data_.examples);
    auto* target = y.mutable_data_ptr<std::int64_t>();
    for (const std::uint32_t i : indices) *target++ = data_.labels[i];
  }

  at::Tensor x, y;

 private:
  void allocate(std::int64_t n) {
    std::vector<std::int64_t> shape = data_.shape;
    shape.insert(shape.begin(), n);
    inputs_ = at::empty(shape, at::kFloat);
    targets_ = at::empty({n}, at::kLong);
  }

  template <typename T>
  void gather(const std::vector<T>& examples, std::span<const std::uint32_t> indices) {
    const std::size_t size = data_.example_size();
    float* to = x.mutable_data_ptr<float>();
    for (const std::uint32_t i : indices) {
      const T* from = examples.data() + i * size;
      to = std::transform(from, from + size, to, value_of<T>);
    }
  }

  const Dataset& data_;
  at::Tensor inputs_, targets_;
};

class Classifier final : public Oracle {
 public:
  Classifier(const ClassifierOptions& o, const TrainAndTest& data, std::unique_ptr<Network> network)
      : network_(std::move(network)),
        leaves_(network_->parameters()),
        data_(data),
        sampler_(partition_examples(data.train->labels, o.partition,
                                    make_key(o.seed, kEveryRank, 0, RngPurpose::partition), o.rank,
                                    o.ranks),
                 make_key(o.seed, static_cast<std::uint32_t>(o.rank), 0, RngPurpose::sample)),
        batch_(*data_.train) {}

  const Layout& layout() const override { return leaves_.layout(); }
  std::uint64_t examples() const override { return sampler_.examples(); }

  void initialize(RngKey key, MutFloats x) const override {
    initialize_parameters(network_->parameters(), key, x);
  }

  double evaluate(Floats point, const Sample& sample, MutFloats out,
                  const ReadyFn& ready) override {
    at::init_num_threads();  // a new thread has not heard of set_compute_threads
    const auto parameters = leaves_.bind(point);
    const auto loss = [&](std::span<const std::uint32_t> examples) {
      batch_.fill(examples);
      return at::cross_entropy_loss(network_->forward(parameters, batch_.x), batch_.y);
    };
    return leaves_.differentiate(loss, sampler_.batch(sample.draw, sample.size), kLargestPass, out,
                                 ready);
  }

  Scores score(Floats point, Share share) const override {
    at::init_num_threads();
    const at::NoGradGuard no_grad;
    const auto parameters = views_of(network_->parameters(), point);
    const auto n = data_.test->size(), count = static_cast<std::size_t>(share.count);
    const std::size_t begin = n * static_cast<std::size_t>(share.index) / count;
    const std::size_t end = n * static_cast<std::size_t>(share.index + 1) / count;

    BatchBuffer batch(*data_.test);
    std::vector<std::uint32_t> indices;
    double loss = 0;
    std::int64_t right = 0;
    for (std::size_t first = begin; first < end; first += kLargestPass) {
      indices.clear();
      for (std::size_t i = first; i < std::min(end, first + kLargestPass); ++i)
        indices.push_back(static_cast<std::uint32_t>(i));
      batch.fill(indices);
      const at::Tensor logits = network_->forward(parameters, batch.x);
      loss += at::cross_entropy_loss(logits, batch.y).item<double>() *
              static_cast<double>(indices.size());
      right += logits.argmax(1).eq(batch.y).sum().item<std::int64_t>();
    }
    Scores scores;
    scores.examples = end - begin;
    if (end == begin) return scores;
    scores.loss = loss / static_cast<double>(scores.examples);
    scores.accuracy = static_cast<double>(right) / static_cast<double>(scores.examples);
    return scores;
  }

 private:
  std::unique_ptr<Network> network_;
  Leaves leaves_;
  TrainAndTest data_;
  BatchSampler sampler_;
  BatchBuffer batch_;
};

}  // namespace

std::unique_ptr<Oracle> make_classifier(const ClassifierOptions& options,
                                        const TrainAndTest& data) {
  if (data.train->size() < static_cast<std::size_t>(options.ranks))
    throw ConfigError("data", std::to_string(data.train->size()) + " examples for " +
                                  std::to_string(options.ranks) + " ranks");
  return std::make_unique<Classifier>(
      options, data, make_network(options.model, data.train->shape, data.train->classes));
}

void set_compute_threads(int threads) { at::set_num_threads(threads); }

const char* libtorch_version() { return TORCH_VERSION; }

}  // namespace laconic
