#pragma once

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

  /// Where gradients go from now on. They are added to what is there if `add`. `ready`, which may
  /// be null, hears of each in the thread that runs the backward pass.
  void send_to(MutFloats out, bool add, const ReadyFn* ready);

  /// After a backward pass: std::logic_error where a parameter got no gradient.
  void check_all_arrived() const;

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
