#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>

#include <functional>
#include <numeric>

#include "base/errors.h"
#include "nn/network.h"

namespace laconic {
namespace {

using Shape = std::span<const std::int64_t>;

void add_linear(std::vector<Parameter>& to, const std::string& name, std::int64_t in,
                std::int64_t out) {
  to.push_back({name + ".weight", {out, in}, in});
  to.push_back({name + ".bias", {out}, in});
}

void add_convolution(std::vector<Parameter>& to, const std::string& name, std::int64_t in,
                     std::int64_t out, std::int64_t kernel) {
  const std::int64_t fan_in = in * kernel * kernel;
  to.push_back({name + ".weight", {out, in, kernel, kernel}, fan_in});
  to.push_back({name + ".bias", {out}, fan_in});
}

/// Linear layers with ReLU between them; without hidden layers, logistic regression.
class Mlp final : public Network {
 public:
  Mlp(Shape example, const std::vector<std::uint32_t>& hidden, std::uint32_t classes)
      : Network(layers(example, hidden, classes)) {}

  at::Tensor forward(std::span<const at::Tensor> p, const at::Tensor& x) const override {
    at::Tensor y = at::linear(x.flatten(1), p[0], p[1]);
    for (std::size_t i = 2; i < p.size(); i += 2) y = at::linear(at::relu(y), p[i], p[i + 1]);
    return y;
  }

 private:
  static std::vector<Parameter> layers(Shape example, const std::vector<std::uint32_t>& hidden,
                                       std::uint32_t classes) {
    std::vector<Parameter> parameters;
    std::int64_t in =
        std::accumulate(example.begin(), example.end(), std::int64_t{1}, std::multiplies<>());
    for (std::size_t i = 0; i <= hidden.size(); ++i) {
      const std::uint32_t out = i < hidden.size() ? hidden[i] : classes;
      add_linear(parameters, "linear" + std::to_string(i + 1), in, out);
      in = out;
    }
    return parameters;
  }
};

struct CnnShape {
  std::int64_t kernel;  // odd: padding keeps height and width
  std::int64_t channels1, channels2;
  std::int64_t hidden;
};

/// Two convolutions, each with ReLU and 2x2 max pooling, then a hidden layer.
class Cnn final : public Network {
 public:
  Cnn(Shape example, const CnnShape& shape, std::uint32_t classes)
      : Network(layers(example, shape, classes)), padding_(shape.kernel / 2) {}

  at::Tensor forward(std::span<const at::Tensor> p, const at::Tensor& x) const override {
    const at::Tensor a = block(x, p[0], p[1]);
    const at::Tensor b = block(a, p[2], p[3]);
    return at::linear(at::relu(at::linear(b.flatten(1), p[4], p[5])), p[6], p[7]);
  }

 private:
  // Pooling first: it commutes with ReLU, which then has a quarter of the elements to do. In
  // oneDNN's own layout, where a convolution leaves its result, pooling takes a tenth of the time
  // of LibTorch's; the values are the same bits.
  at::Tensor block(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) const {
    const bool on_cpu = x.is_cpu() && at::globalContext().hasMKLDNN();
    const at::Tensor y = at::conv2d(on_cpu ? x.to_mkldnn() : x, weight, bias, 1, padding_);
    const at::Tensor pooled = at::max_pool2d(y, 2, 2);
    return at::relu(on_cpu ? pooled.to_dense() : pooled);
  }

  static std::vector<Parameter> layers(Shape example, const CnnShape& s, std::uint32_t classes) {
    std::vector<Parameter> parameters;
    const std::int64_t pixels = (example[1] / 4) * (example[2] / 4);
    add_convolution(parameters, "conv1", example[0], s.channels1, s.kernel);
    add_convolution(parameters, "conv2", s.channels1, s.channels2, s.kernel);
    add_linear(parameters, "linear1", s.channels2 * pixels, s.hidden);
    add_linear(parameters, "linear2", s.hidden, classes);
    return parameters;
  }

  std::int64_t padding_;
};

std::unique_ptr<Network> make_cnn(const std::string& name, const CnnShape& shape, Shape example,
                                  std::uint32_t classes) {
  if (example.size() != 3 || example[1] < 4 || example[2] < 4)
    throw ConfigError("problem.classifier." + name,
                      "wants examples of channels x height x width, at least 4x4 pixels");
  return std::make_unique<Cnn>(example, shape, classes);
}

struct Maker {
  Shape example;
  std::uint32_t classes;

  std::unique_ptr<Network> operator()(const LogisticModelOptions&) const {
    return std::make_unique<Mlp>(example, std::vector<std::uint32_t>{}, classes);
  }
  std::unique_ptr<Network> operator()(const MlpOptions& o) const {
    for (const std::uint32_t width : o.hidden)
      if (width == 0) throw ConfigError("problem.classifier.mlp.hidden", "must be at least 1");
    return std::make_unique<Mlp>(example, o.hidden, classes);
  }
  std::unique_ptr<Network> operator()(const FedAvgCnnOptions&) const {
    return make_cnn("fedavg_cnn", {5, 32, 64, 512}, example, classes);
  }
  std::unique_ptr<Network> operator()(const SmallCnnOptions& o) const {
    if (o.hidden == 0)
      throw ConfigError("problem.classifier.small_cnn.hidden", "must be at least 1");
    return make_cnn("small_cnn", {3, 16, 32, o.hidden}, example, classes);
  }
};

}  // namespace

std::unique_ptr<Network> make_network(const ModelOptions& options, Shape example_shape,
                                      std::uint32_t classes) {
  return std::visit(Maker{example_shape, classes}, options);
}

}  // namespace laconic
