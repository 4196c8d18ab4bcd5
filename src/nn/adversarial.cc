#include "nn/adversarial.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "base/errors.h"
#include "nn/leaves.h"

namespace laconic {
namespace {

/// Windows in one forward and backward pass, and under one attack.
constexpr std::size_t kLargestPass = 64;

/// The windows of a text as tensors.
class Windows {
 public:
  Windows(const std::vector<std::uint8_t>& symbols, std::uint32_t context)
      : symbols_(symbols), context_(context) {}

  /// The last symbol is only ever predicted.
  std::size_t count() const { return symbols_.empty() ? 0 : (symbols_.size() - 1) / context_; }

  struct Pass {
    at::Tensor symbols;  // [n, context]
    at::Tensor next;     // [n * context]: the symbol after each
  };

  Pass pass(std::span<const std::uint32_t> windows) const {
    const auto n = static_cast<std::int64_t>(windows.size());
    Pass pass{at::empty({n, static_cast<std::int64_t>(context_)}, at::kLong),
              at::empty({n * static_cast<std::int64_t>(context_)}, at::kLong)};
    auto* symbol = pass.symbols.mutable_data_ptr<std::int64_t>();
    auto* next = pass.next.mutable_data_ptr<std::int64_t>();
    for (const std::uint32_t window : windows) {
      const std::uint8_t* from = symbols_.data() + window * context_;
      symbol = std::copy_n(from, context_, symbol);
      next = std::copy_n(from + 1, context_, next);
    }
    return pass;
  }

 private:
  const std::vector<std::uint8_t>& symbols_;
  std::size_t context_;
};

std::vector<std::uint32_t> windows_of_rank(const AdversarialOptions& o, const Text& text) {
  const std::size_t count = Windows(text.train, o.model.context).count();
  if (count < static_cast<std::size_t>(o.ranks))
    throw DataError(text.name, "has " + std::to_string(count) + " windows of " +
                                   std::to_string(o.model.context) + " characters for " +
                                   std::to_string(o.ranks) + " ranks");
  return partition_examples(std::vector<std::uint32_t>(count), o.partition,
                            make_key(o.seed, kEveryRank, 0, RngPurpose::partition), o.rank,
                            o.ranks);
}

/// Onto the ball around 0.
void project(double radius, MutFloats x) {
  double square = 0;
  for (const float value : x) square += double{value} * value;
  if (square <= radius * radius) return;
  const auto shrink = static_cast<float>(radius / std::sqrt(square));
  for (float& value : x) value *= shrink;
}

MutFloats values_of(at::Tensor& tensor) {
  return {tensor.mutable_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

class Adversarial final : public Oracle {
 public:
  Adversarial(const AdversarialOptions& o, std::shared_ptr<const Text> text)
      : options_(o),
        text_(std::move(text)),
        network_(make_transformer(o.model, text_->alphabet)),
        leaves_(network_->parameters()),
        train_(text_->train, o.model.context),
        validation_(text_->validation, o.model.context),
        sampler_(windows_of_rank(o, *text_),
                 make_key(o.seed, static_cast<std::uint32_t>(o.rank), 0, RngPurpose::sample)) {
    if (validation_.count() == 0)
      throw DataError(text_->name,
                      "holds out no window of " + std::to_string(o.model.context) + " characters");
  }

  const Layout& layout() const override { return leaves_.layout(); }
  std::uint64_t examples() const override { return sampler_.examples(); }
  bool has_prox() const override { return true; }

  void initialize(RngKey key, MutFloats x) const override {
    initialize_parameters(network_->parameters(), key, x);
  }

  double evaluate(Floats point, const Sample& sample, MutFloats out, const ReadyFn&) override {
    at::init_num_threads();  // a new thread has not heard of set_compute_threads
    const auto parameters = leaves_.bind(point);
    const double loss = leaves_.differentiate(
        [&](std::span<const std::uint32_t> windows) {
          return loss_of(parameters, train_.pass(windows));
        },
        sampler_.batch(sample.draw, sample.size), kLargestPass, out, {});
    for (float& value : part(out, perturbation())) value = -value;  // the adversary ascends
    return loss;
  }

  void prox(float, MutFloats x) const override {
    project(options_.radius, part(x, perturbation()));
  }

  Scores score(Floats point, Share share) const override {
    at::init_num_threads();
    auto parameters = views_of(network_->parameters(), point);
    const std::size_t passes = (validation_.count() + kLargestPass - 1) / kLargestPass;
    const auto end_of = [&](int index) {
      return std::min(validation_.count(),
                      kLargestPass * (passes * static_cast<std::size_t>(index) /
                                      static_cast<std::size_t>(share.count)));
    };
    const std::size_t begin = end_of(share.index), end = end_of(share.index + 1);
    if (begin == end) return {};
    Scores scores{.loss = 0, .accuracy = 0, .robust_loss = 0, .examples = end - begin};
    for (std::size_t first = begin; first < end; first += kLargestPass) {
      std::vector<std::uint32_t> windows(std::min(kLargestPass, end - first));
      std::iota(windows.begin(), windows.end(), static_cast<std::uint32_t>(first));
      const auto pass = validation_.pass(windows);
      const double weight = static_cast<double>(windows.size()) / static_cast<double>(end - begin);
      add_clean(parameters, pass, weight, scores);
      scores.robust_loss += weight * attacked(parameters, pass);
    }
    return scores;
  }

 private:
  Slice perturbation() const { return slice_of(layout()[kPerturbation]); }

  at::Tensor loss_of(std::span<const at::Tensor> parameters, const Windows::Pass& pass) const {
    return at::cross_entropy_loss(network_->forward(parameters, pass.symbols), pass.next);
  }

  void add_clean(std::vector<at::Tensor> parameters, const Windows::Pass& pass, double weight,
                 Scores& to) const {
    const at::NoGradGuard no_grad;
    parameters[kPerturbation] = at::zeros_like(parameters[kPerturbation]);
    const at::Tensor logits = network_->forward(parameters, pass.symbols);
    const auto right = logits.argmax(1).eq(pass.next).sum().item<std::int64_t>();
    to.loss += weight * at::cross_entropy_loss(logits, pass.next).item<double>();
    to.accuracy += weight * static_cast<double>(right) / static_cast<double>(pass.next.numel());
  }

  /// The largest loss on the way of the ascent, its two ends included.
  double attacked(std::vector<at::Tensor> parameters, const Windows::Pass& pass) const {
    at::Tensor here = parameters[kPerturbation].clone();
    double worst = 0;
    for (std::uint32_t step = 0;; ++step) {
      const bool last = step == options_.attack_steps;
      parameters[kPerturbation] = here.clone().set_requires_grad(!last);
      const at::Tensor loss = loss_of(parameters, pass);
      worst = std::max(worst, loss.item<double>());
      if (last) return worst;
      loss.backward();
      at::Tensor gradient = parameters[kPerturbation].grad();
      const double length = gradient.norm().item<double>();
      if (length > 0) here.add_(gradient, options_.radius / 2 / length);
      project(options_.radius, values_of(here));
    }
  }

  AdversarialOptions options_;
  std::shared_ptr<const Text> text_;
  std::unique_ptr<Network> network_;
  Leaves leaves_;
  Windows train_, validation_;
  BatchSampler sampler_;
};

}  // namespace

std::unique_ptr<Oracle> make_adversarial(const AdversarialOptions& options,
                                         std::shared_ptr<const Text> text) {
  return std::make_unique<Adversarial>(options, std::move(text));
}

}  // namespace laconic
