#include "launcher/bench/vectors.h"

#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "base/rng.h"
#include "nn/classifier.h"

namespace laconic::bench {
namespace {

constexpr std::uint64_t kSeed = 1, kWarmUpSteps = 50;
constexpr std::uint32_t kBatch = 32;
constexpr float kRate = 0.05f;

}  // namespace

std::vector<float> gaussian(std::size_t count) {
  const RngKey key = make_key(kSeed, kEveryRank, 0, RngPurpose::test);
  std::vector<float> v(count);
  for (std::size_t i = 0; i < count; ++i) v[i] = static_cast<float>(normal(key, i));
  return v;
}

std::vector<float> real_gradients(std::size_t count) {
  TrainAndTest data;
  try {
    data = load_dataset(FashionMnistOptions{});
  } catch (const DataError&) {
    return {};
  }
  set_compute_threads(1);
  const auto oracle = make_classifier({.seed = kSeed}, data);
  std::vector<float> x(flat_size(oracle->layout())), gradient(x.size()), v;
  oracle->initialize(make_key(kSeed, kEveryRank, 0, RngPurpose::initialize), x);
  v.reserve(count);
  for (std::uint64_t step = 0; v.size() < count; ++step) {
    oracle->evaluate(x, {step, kBatch}, gradient, {});
    for (std::size_t i = 0; i < x.size(); ++i) x[i] -= kRate * gradient[i];
    if (step < kWarmUpSteps) continue;
    const std::size_t part = std::min(gradient.size(), count - v.size());
    v.insert(v.end(), gradient.begin(), gradient.begin() + static_cast<std::ptrdiff_t>(part));
  }
  return v;
}

Layout square_and_rest(std::size_t count) {
  auto side = static_cast<std::size_t>(std::sqrt(static_cast<double>(count)));
  while (side * side > count) --side;
  Layout layout{{"matrix", 0, side, side}};
  if (side * side < count) layout.push_back({"rest", side * side, count - side * side, 1});
  return layout;
}

}  // namespace laconic::bench
