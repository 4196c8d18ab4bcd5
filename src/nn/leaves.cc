#include "nn/leaves.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace laconic {
namespace {

/// LibTorch has no tensors of const elements: those made from const memory are only read.
at::Tensor view_of(Floats memory, const Parameter& p) {
  return at::from_blob(const_cast<float*>(memory.data()), p.shape);
}

}  // namespace

Layout layout_of(const std::vector<Parameter>& parameters) {
  Layout layout;
  std::size_t begin = 0;
  for (const Parameter& p : parameters) {
    std::size_t count = 1;
    for (const std::int64_t d : p.shape) count *= static_cast<std::size_t>(d);
    const auto rows = static_cast<std::size_t>(p.shape[0]);
    layout.push_back({p.name, begin, rows, count / rows});
    begin += count;
  }
  return layout;
}

void initialize_parameters(const std::vector<Parameter>& parameters, const RngKey& key,
                           MutFloats x) {
  const Layout layout = layout_of(parameters);
  check(x.size() == flat_size(layout), "a point of another length");
  for (std::size_t t = 0; t < layout.size(); ++t) {
    const std::int64_t fan_in = parameters[t].fan_in;
    const double bound = fan_in > 0 ? 1 / std::sqrt(static_cast<double>(fan_in)) : 0;
    const RngKey own = derive(key, t);
    const MutFloats values = part(x, slice_of(layout[t]));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(bound * (2 * uniform(own, i) - 1));
  }
}

std::vector<at::Tensor> views_of(const std::vector<Parameter>& parameters, Floats point) {
  const Layout layout = layout_of(parameters);
  check(point.size() == flat_size(layout), "a point of another length");
  std::vector<at::Tensor> views;
  for (std::size_t t = 0; t < layout.size(); ++t)
    views.push_back(view_of(part(point, slice_of(layout[t])), parameters[t]));
  return views;
}

struct Leaves::Sink {
  MutFloats out;
  bool add = false;                ///< To what is there.
  const ReadyFn* ready = nullptr;  ///< Where somebody wants to hear.
  std::size_t arrived = 0;         ///< Tensors, in this pass.
};

/// The gradient is taken off the parameter: autograd then hands the next one over as it is, where
/// it would add to one that is there (which costs a pass to clear it and one more to read it).
class Leaves::Hook final : public torch::autograd::PostAccumulateGradHook {
 public:
  Hook(Sink& sink, const Tensor& place, const Parameter& parameter)
      : sink_(sink), slice_(slice_of(place)), parameter_(parameter) {}

  void operator()(const at::Tensor& variable) override {
    at::Tensor view = view_of(part(sink_.out, slice_), parameter_);
    if (sink_.add)
      view.add_(variable.grad());
    else
      view.copy_(variable.grad());
    variable.mutable_grad().reset();
    ++sink_.arrived;
    if (sink_.ready != nullptr) (*sink_.ready)(slice_);
  }

 private:
  Sink& sink_;
  Slice slice_;
  const Parameter& parameter_;
};

Leaves::Leaves(const std::vector<Parameter>& parameters)
    : parameters_(parameters), layout_(layout_of(parameters)), sink_(std::make_unique<Sink>()) {}

Leaves::~Leaves() = default;

std::span<const at::Tensor> Leaves::bind(Floats point) {
  if (point.data() == bound_) return leaves_;
  leaves_ = views_of(parameters_, point);
  bound_ = point.data();
  for (std::size_t t = 0; t < leaves_.size(); ++t) {
    leaves_[t].set_requires_grad(true);
    torch::autograd::impl::set_post_acc_grad_hooks(
        leaves_[t], std::make_unique<Hook>(*sink_, layout_[t], parameters_[t]));
  }
  return leaves_;
}

double Leaves::differentiate(const LossFn& loss, std::span<const std::uint32_t> batch,
                             std::size_t largest, MutFloats out, const ReadyFn& ready) {
  check(out.size() == flat_size(layout_), "a gradient of another length");
  double mean = 0;
  for (std::size_t first = 0; first < batch.size(); first += largest) {
    const auto pass = batch.subspan(first, std::min(largest, batch.size() - first));
    const double weight = static_cast<double>(pass.size()) / static_cast<double>(batch.size());
    const bool last = first + pass.size() == batch.size();
    *sink_ = {out, first > 0, last && ready ? &ready : nullptr, 0};
    const at::Tensor value = loss(pass);
    value.backward(at::full({}, weight));
    check(sink_->arrived == layout_.size(), "a parameter without a gradient");
    mean += weight * value.item<double>();
  }
  return mean;
}

}  // namespace laconic
