#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nn/classifier.h"

namespace at {
class Tensor;
}

/// Inside src/nn: what the models are to the adapter. No LibTorch header is needed to speak of it.
namespace laconic {

/// A tensor that is learned. Its values start uniform in ±1/sqrt(fan_in), as torch.nn does it for
/// linear layers and convolutions (weights and biases alike).
struct Parameter {
  std::string name;                 ///< "conv1.weight"
  std::vector<std::int64_t> shape;  ///< Output channels or features first.
  std::int64_t fan_in;              ///< Inputs that one output sums over; 0: starts at 0.
};

/// A function of parameters and examples. It owns neither, and has no state: one network serves
/// all threads.
class Network {
 public:
  virtual ~Network() = default;

  /// In the order in which forward() first uses them, so that the backward pass finishes them from
  /// the last to the first.
  const std::vector<Parameter>& parameters() const { return parameters_; }

  /// Logits [n, classes] of examples x [n, ...], by differentiable ATen operations. `p` holds one
  /// tensor for each of parameters().
  virtual at::Tensor forward(std::span<const at::Tensor> p, const at::Tensor& x) const = 0;

 protected:
  explicit Network(std::vector<Parameter> parameters) : parameters_(std::move(parameters)) {}

 private:
  std::vector<Parameter> parameters_;
};

/// Throws ConfigError where the model cannot take examples of that shape.
std::unique_ptr<Network> make_network(const ModelOptions& options,
                                      std::span<const std::int64_t> example_shape,
                                      std::uint32_t classes);

}  // namespace laconic
