#include "nn/transformer.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/errors.h"
#include "nn/leaves.h"

namespace laconic {
namespace {

constexpr std::uint32_t kAlphabet = 7;
constexpr TransformerOptions kSmall{.context = 6, .width = 8, .layers = 2, .heads = 2};

/// A transformer at a random point.
class Transformer {
 public:
  Transformer() : network_(make_transformer(kSmall, kAlphabet)), x_(flat_size(layout())) {
    initialize_parameters(network_->parameters(), make_key(1, 0, 0, RngPurpose::test), x_);
  }

  Layout layout() const { return layout_of(network_->parameters()); }
  MutFloats values(std::size_t parameter) {
    return part(MutFloats(x_), slice_of(layout()[parameter]));
  }

  /// A row of logits for each symbol.
  std::vector<std::vector<float>> logits(const std::vector<std::int64_t>& symbols) const {
    const at::NoGradGuard no_grad;
    at::Tensor input = at::empty({1, kSmall.context}, at::kLong);
    std::copy(symbols.begin(), symbols.end(), input.mutable_data_ptr<std::int64_t>());
    const at::Tensor out =
        network_->forward(views_of(network_->parameters(), x_), input).contiguous();
    EXPECT_EQ(out.size(0), kSmall.context);
    EXPECT_EQ(out.size(1), kAlphabet);
    std::vector<std::vector<float>> rows;
    const float* from = out.const_data_ptr<float>();
    for (std::uint32_t row = 0; row < kSmall.context; ++row, from += kAlphabet)
      rows.emplace_back(from, from + kAlphabet);
    return rows;
  }

 private:
  std::unique_ptr<Network> network_;
  std::vector<float> x_;
};

TEST(Transformer, LooksBackAndNeverAhead) {
  const Transformer transformer;
  const std::vector<std::int64_t> symbols{0, 1, 2, 3, 4, 5};
  const auto before = transformer.logits(symbols);
  for (std::size_t changed = 0; changed < symbols.size(); ++changed) {
    auto others = symbols;
    others[changed] = 6;
    const auto after = transformer.logits(others);
    for (std::size_t row = 0; row < symbols.size(); ++row)
      EXPECT_EQ(after[row] == before[row], row < changed) << changed << ", " << row;
  }
}

TEST(Transformer, KnowsTheOrderOfWhatItSees) {
  const Transformer transformer;
  EXPECT_NE(transformer.logits({0, 1, 2, 3, 4, 5}).back(),
            transformer.logits({1, 0, 2, 3, 4, 5}).back());
}

TEST(Transformer, PerturbationsCannotBeOutgrown) {
  Transformer transformer;
  for (float& value : transformer.values(kPerturbation)) value = 0.3f;
  const auto before = transformer.logits({0, 1, 2, 3, 4, 5});
  for (float& value : transformer.values(0)) value *= 16;  // embeddings
  const auto after = transformer.logits({0, 1, 2, 3, 4, 5});
  for (std::size_t row = 0; row < before.size(); ++row)
    for (std::size_t i = 0; i < kAlphabet; ++i) EXPECT_NEAR(after[row][i], before[row][i], 1e-3);
}

TEST(Transformer, RefusesOptionsThatDoNotFit) {
  EXPECT_THROW(make_transformer({.context = 0}, 3), ConfigError);
  EXPECT_THROW(make_transformer({.width = 10, .heads = 4}, 3), ConfigError);
  EXPECT_THROW(make_transformer({.heads = 0}, 3), ConfigError);
}

}  // namespace
}  // namespace laconic
