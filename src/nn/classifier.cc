#include "nn/classifier.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "base/check.h"
#include "base/errors.h"
#include "nn/network.h"

namespace laconic {
namespace {

/// Examples in one forward and backward pass: larger batches are summed over passes, so that "all
/// examples" does not need memory for the activations of all examples.
constexpr std::size_t kLargestPass = 500;

Layout layout_of(const Network& network) {
  Layout layout;
  std::size_t begin = 0;
  for (const Parameter& p : network.parameters()) {
    std::size_t count = 1;
    for (const std::int64_t d : p.shape) count *= static_cast<std::size_t>(d);
    const auto rows = static_cast<std::size_t>(p.shape[0]);
    layout.push_back({p.name, begin, rows, count / rows});
    begin += count;
  }
  return layout;
}

/// LibTorch has no tensors of const elements: those made from const memory are only read.
at::Tensor view_of(Floats memory, const Parameter& p) {
  return at::from_blob(const_cast<float*>(memory.data()), p.shape);
}

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

/// Where the gradients of one evaluation go, as the backward pass finishes them.
struct GradientSink {
  MutFloats out;
  bool add = false;                // to what earlier passes of this evaluation wrote
  const ReadyFn* ready = nullptr;  // null while more passes follow
  std::size_t arrived = 0;         // tensors, in this pass
};

/// Moves a parameter's gradient into the sink, in the thread that runs the backward pass. The
/// gradient is taken off the parameter: autograd then hands the next one over as it is, where it
/// would add to one that is there (which costs a pass to clear it and one more to read it).
class SinkHook final : public torch::autograd::PostAccumulateGradHook {
 public:
  SinkHook(GradientSink& sink, const Tensor& place, const Parameter& parameter)
      : sink_(sink), slice_(slice_of(place)), parameter_(parameter) {}

  void operator()(const at::Tensor& variable) override {
    at::Tensor view = view_of(part(sink_.out, slice_), parameter_);
    if (sink_.add)
      view.add_(variable.grad());
    else
      view.copy_(variable.grad());
    variable.mutable_grad().reset();
    ++sink_.arrived;
    if (sink_.ready != nullptr && *sink_.ready) (*sink_.ready)(slice_);
  }

 private:
  GradientSink& sink_;
  Slice slice_;
  const Parameter& parameter_;
};

class Classifier final : public Oracle {
 public:
  Classifier(const ClassifierOptions& o, const TrainAndTest& data, std::unique_ptr<Network> network)
      : network_(std::move(network)),
        layout_(layout_of(*network_)),
        data_(data),
        sampler_(partition_examples(data.train->labels, o.partition,
                                    make_key(o.seed, kEveryRank, 0, RngPurpose::partition), o.rank,
                                    o.ranks),
                 make_key(o.seed, static_cast<std::uint32_t>(o.rank), 0, RngPurpose::sample)),
        batch_(*data_.train) {}

  const Layout& layout() const override { return layout_; }
  std::uint64_t examples() const override { return sampler_.examples(); }

  void initialize(RngKey key, MutFloats x) const override {
    check(x.size() == flat_size(layout_), "a point of another length");
    for (std::size_t t = 0; t < layout_.size(); ++t) {
      const double bound = 1 / std::sqrt(static_cast<double>(network_->parameters()[t].fan_in));
      const RngKey own = derive(key, t);
      const MutFloats values = part(x, slice_of(layout_[t]));
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(bound * (2 * uniform(own, i) - 1));
    }
  }

  double evaluate(Floats point, const Sample& sample, MutFloats out,
                  const ReadyFn& ready) override {
    check(point.size() == flat_size(layout_) && out.size() == point.size(),
          "vectors of another length");
    at::init_num_threads();  // a new thread has not heard of set_compute_threads
    bind(point);
    const auto batch = sampler_.batch(sample.draw, sample.size);
    double loss = 0;
    for (std::size_t first = 0; first < batch.size(); first += kLargestPass) {
      const auto pass = batch.subspan(first, std::min(kLargestPass, batch.size() - first));
      const bool last = first + pass.size() == batch.size();
      sink_ = {out, first > 0, last ? &ready : nullptr, 0};
      loss += backward(pass, static_cast<double>(pass.size()) / static_cast<double>(batch.size()));
    }
    return loss;
  }

  Scores score(Floats point, Share share) const override {
    check(point.size() == flat_size(layout_), "a point of another length");
    at::init_num_threads();
    const at::NoGradGuard no_grad;
    const auto parameters = views_of(point);
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
  std::vector<at::Tensor> views_of(Floats point) const {
    std::vector<at::Tensor> views;
    for (std::size_t t = 0; t < layout_.size(); ++t)
      views.push_back(view_of(part(point, slice_of(layout_[t])), network_->parameters()[t]));
    return views;
  }

  /// Leaves of the autograd graph on the caller's memory, made anew only when that moves.
  void bind(Floats point) {
    if (point.data() == bound_) return;
    leaves_ = views_of(point);
    bound_ = point.data();
    for (std::size_t t = 0; t < layout_.size(); ++t) {
      leaves_[t].set_requires_grad(true);
      torch::autograd::impl::set_post_acc_grad_hooks(
          leaves_[t], std::make_unique<SinkHook>(sink_, layout_[t], network_->parameters()[t]));
    }
  }

  /// Gradients times `weight` go to the sink; returns the mean loss times `weight`.
  double backward(std::span<const std::uint32_t> examples, double weight) {
    batch_.fill(examples);
    const at::Tensor loss = at::cross_entropy_loss(network_->forward(leaves_, batch_.x), batch_.y);
    loss.backward(at::full({}, weight));
    check(sink_.arrived == layout_.size(), "a parameter without a gradient");
    return weight * loss.item<double>();
  }

  std::unique_ptr<Network> network_;
  Layout layout_;
  TrainAndTest data_;
  BatchSampler sampler_;
  BatchBuffer batch_;
  GradientSink sink_;
  std::vector<at::Tensor> leaves_;
  const float* bound_ = nullptr;
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
