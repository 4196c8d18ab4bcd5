#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/rng.h"
#include "methods/oracle.h"
#include "nn/network.h"

/// Inside src/nn: a network's parameters as parts of a flat vector.
namespace laconic {

/// One tensor a parameter, in their order; rows are the first dimension.
Layout layout_of(const std::vector<Parameter>& parameters);

/// Every parameter's values as its `fan_in` says.
void initialize_parameters(const std::vector<Parameter>& parameters, const RngKey& key,
                           MutFloats x);

/// One tensor for each parameter, on the memory of `point`: only read.
std::vector<at::Tensor> views_of(const std::vector<Parameter>& parameters, Floats point);

/// The leaves of the autograd graph that an oracle differentiates by: views of the point that it
/// is given, whose gradients are moved into its output as the backward pass finishes them.
class Leaves {
 public:
  /// `parameters` must outlive it.
  explicit Leaves(const std::vector<Parameter>& parameters);
  ~Leaves();

  const Layout& layout() const { return layout_; }

  /// Made anew only when the point's memory is another than before. Valid until the next call.
  std::span<const at::Tensor> bind(Floats point);

  /// The mean loss of some examples, as a tensor of one element.
  using LossFn = std::function<at::Tensor(std::span<const std::uint32_t> examples)>;

  /// Writes the gradient of the mean loss over `batch` to `out`, by passes of at most `largest`
  /// examples, and returns the mean. `ready`, which may be empty, hears of each tensor when it is
  /// final, in the thread that runs the backward pass. std::logic_error where a parameter gets no
  /// gradient.
  double differentiate(const LossFn& loss, std::span<const std::uint32_t> batch,
                       std::size_t largest, MutFloats out, const ReadyFn& ready);

 private:
  struct Sink;
  class Hook;

  const std::vector<Parameter>& parameters_;
  Layout layout_;
  std::unique_ptr<Sink> sink_;
  std::vector<at::Tensor> leaves_;
  const float* bound_ = nullptr;
};

}  // namespace laconic
