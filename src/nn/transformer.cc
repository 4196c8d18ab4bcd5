#include "nn/transformer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/triu.h>

#include <cmath>
#include <limits>

#include "base/errors.h"

namespace laconic {
namespace {

using Parameters = std::span<const at::Tensor>;

/// Without gain and bias: the linear layer after it has its own.
at::Tensor normalise(const at::Tensor& x) { return at::layer_norm(x, {x.size(-1)}); }

class Transformer final : public Network {
 public:
  Transformer(const TransformerOptions& o, std::uint32_t alphabet)
      : Network(tensors(o, alphabet)), options_(o), mask_(later(o.context)) {}

  at::Tensor forward(Parameters p, const at::Tensor& symbols) const override {
    const at::Tensor table = normalise(p[0]) + p[kPerturbation];
    at::Tensor x = at::embedding(table, symbols) + p[2];
    std::size_t next = 3;
    for (std::uint32_t layer = 0; layer < options_.layers; ++layer, next += kPerLayer)
      x = block(x, p.subspan(next, kPerLayer));
    return at::linear(normalise(x), p[next], p[next + 1]).flatten(0, 1);
  }

 private:
  static constexpr std::size_t kPerLayer = 8;

  at::Tensor block(const at::Tensor& x, Parameters p) const {
    const at::Tensor y =
        x + at::linear(attention(at::linear(normalise(x), p[0], p[1])), p[2], p[3]);
    return y + at::linear(at::gelu(at::linear(normalise(y), p[4], p[5])), p[6], p[7]);
  }

  /// From queries, keys and values [n, context, 3 width] to [n, context, width].
  at::Tensor attention(const at::Tensor& qkv) const {
    const std::int64_t n = qkv.size(0), context = qkv.size(1);
    const std::int64_t heads = options_.heads, size = options_.width / options_.heads;
    const at::Tensor parts = qkv.view({n, context, 3, heads, size}).permute({2, 0, 3, 1, 4});
    const at::Tensor scores =
        at::matmul(parts[0], parts[1].transpose(-1, -2)) / std::sqrt(static_cast<double>(size));
    const at::Tensor weights = at::softmax(scores + mask_, -1);
    return at::matmul(weights, parts[2]).transpose(1, 2).flatten(2);
  }

  /// What is added to scores so that nothing looks ahead: -infinity above the diagonal.
  static at::Tensor later(std::int64_t context) {
    return at::triu(
        at::full({context, context}, -std::numeric_limits<double>::infinity(), at::kFloat), 1);
  }

  static std::vector<Parameter> tensors(const TransformerOptions& o, std::uint32_t alphabet) {
    const std::int64_t width = o.width, symbols = alphabet;
    std::vector<Parameter> all{{"embedding", {symbols, width}, width},
                               {"perturbation", {symbols, width}, 0},
                               {"positions", {o.context, width}, width}};
    const auto add = [&](const std::string& name, std::int64_t in, std::int64_t out) {
      all.push_back({name + ".weight", {out, in}, in});
      all.push_back({name + ".bias", {out}, in});
    };
    for (std::uint32_t layer = 1; layer <= o.layers; ++layer) {
      const std::string name = "layer" + std::to_string(layer);
      add(name + ".qkv", width, 3 * width);
      add(name + ".attention", width, width);
      add(name + ".mlp1", width, 4 * width);
      add(name + ".mlp2", 4 * width, width);
    }
    add("head", width, symbols);
    return all;
  }

  TransformerOptions options_;
  at::Tensor mask_;
};

}  // namespace

std::unique_ptr<Network> make_transformer(const TransformerOptions& options,
                                          std::uint32_t alphabet) {
  const std::string path = "problem.adversarial_transformer.";
  if (options.context == 0) throw ConfigError(path + "context", "expected at least 1");
  if (options.heads == 0 || options.width == 0 || options.width % options.heads != 0)
    throw ConfigError(path + "width", "expected a multiple of heads, above 0");
  return std::make_unique<Transformer>(options, alphabet);
}

}  // namespace laconic
