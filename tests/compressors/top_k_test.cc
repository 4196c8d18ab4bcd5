// Exact selection, whatever the input: against sorting, on every instruction set.
#include "compressors/kernels/top_k.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "compressors/kernels/scan.h"
#include "compressors/kernels/targets.h"
#include "compressors/kernels/vectors.h"
#include "tests/compressors/vectors.h"

namespace laconic::kernels {
namespace {

struct Adversary {
  const char* name;
  std::function<float(std::size_t i, std::size_t n, double z)> at;  // z is normal
};

// What a sample, a band or a fixed amount of memory might stumble over.
const Adversary kAdversaries[] = {
    {"normal", [](auto, auto, double z) { return static_cast<float>(z); }},
    {"ascending",
     [](auto i, auto n, double) { return static_cast<float>(i + 1) / static_cast<float>(n); }},
    {"descending",
     [](auto i, auto n, double) { return static_cast<float>(n - i) / static_cast<float>(n); }},
    {"constant", [](auto, auto, double) { return -1.5f; }},
    {"zeros", [](auto, auto, double) { return 0.0f; }},
    {"one huge value",
     [](auto i, auto n, double z) { return i == n / 3 ? 1e38f : static_cast<float>(z); }},
    {"heavy ties", [](auto, auto, double z) { return static_cast<float>(std::round(4 * z) / 4); }},
    {"two values", [](auto, auto, double z) { return z > 0.5 ? 2.0f : -1.0f; }},
    {"two values, few large", [](auto, auto, double z) { return z > 3 ? 2.0f : -1.0f; }},
    {"mostly zeros",
     [](auto, auto, double z) { return std::abs(z) > 1.8 ? static_cast<float>(z) : 0.0f; }},
    {"narrow band of one exponent",
     [](auto, auto, double z) { return 1 + static_cast<float>(std::abs(z)) * 1e-5f; }},
    {"denormals", [](auto, auto, double z) { return static_cast<float>(z * 1e-41); }},
    {"large only where no sample looks",
     [](auto i, auto, double z) { return static_cast<float>(i % 16 == 9 ? 1000 * z : z); }},
    {"layers of other scales",
     [](auto i, auto n, double z) {
       return static_cast<float>(z * std::pow(10.0, -static_cast<double>(8 * i / n)));
     }},
    {"large at the end",
     [](auto i, auto n, double z) { return static_cast<float>(i + n / 50 >= n ? 100 + z : z); }},
    {"growing in steps",
     [](auto i, auto n, double z) {
       return static_cast<float>(std::floor(8.0 * i / n)) + static_cast<float>(z) * 0.01f;
     }},
};

Misaligned vector_of(const Adversary& adversary, std::size_t n) {
  const RngKey key = make_key(8, 0, 0, RngPurpose::test);
  Misaligned v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = adversary.at(i, n, normal(key, i));
  return v;
}

using Indices = std::vector<std::uint32_t>;

// All that are not zero by their magnitudes, the largest first, ties to the lowest.
Indices ranked(Floats v) {
  Indices order(v.size());
  std::iota(order.begin(), order.end(), 0u);
  std::erase_if(order, [v](auto i) { return v[i] == 0; });
  std::ranges::stable_sort(
      order, [v](auto a, auto b) { return magnitude_key(v[a]) > magnitude_key(v[b]); });
  return order;
}

// `order` is ranked(v).
void expect_top_k(const Misaligned& v, const Indices& order, std::size_t k, int threads = 1) {
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(k, order.size()));
  Indices expected(order.begin(), end);
  std::ranges::sort(expected);
  Scratch scratch;
  const Kept kept = top_k(v.span(), k, scratch, threads);
  ASSERT_TRUE(std::ranges::equal(kept.indices, expected));
  for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(kept.values[i], v[expected[i]]);

  // The same vector as decay * residual + scale * gradient; 0.5 is exact.
  Misaligned gradient(v.size()), residual(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) {
    gradient[i] = i % 2 == 0 ? v[i] : 0;
    residual[i] = i % 2 == 0 ? 0 : 2 * v[i];
  }
  const Kept taken = top_k_feedback(gradient.span(), residual.span(), {.decay = 0.5f}, lose_nothing,
                                    k, scratch, threads);
  ASSERT_TRUE(std::ranges::equal(taken.indices, expected));
  ASSERT_TRUE(std::ranges::equal(taken.values, kept.values));
  Misaligned left = v;
  for (const std::uint32_t index : expected) left[index] = 0;
  ASSERT_TRUE(std::ranges::equal(residual.span(), left.span()));
}

TEST(TopK, IsExactForEveryInput) {
  for (const Adversary& adversary : kAdversaries)
    for (const std::size_t n : {1, 2, 63, 64, 65, 2047, 2048, 2049, 5000, 70001}) {
      const Misaligned v = vector_of(adversary, n);
      const Indices order = ranked(v.span());
      for (const Target& target : supported_targets()) {
        const OnTarget on(target);
        for (const double density : {1e-4, 1e-3, 1e-2, 0.1, 0.3, 0.7, 1.0}) {
          const std::size_t k =
              std::max<std::size_t>(1, static_cast<std::size_t>(density * static_cast<double>(n)));
          SCOPED_TRACE(std::string(target.name) + ", " + adversary.name + ", " + std::to_string(k) +
                       " of " + std::to_string(n));
          expect_top_k(v, order, k);
        }
      }
    }
}

TEST(TopK, IsExactWhereCandidatesOverflow) {
  for (const Adversary& adversary : kAdversaries) {
    const Misaligned v = vector_of(adversary, 600000);
    const Indices order = ranked(v.span());
    for (const std::size_t k : {std::size_t{60}, std::size_t{6000}, std::size_t{60000}})
      for (const int threads : {1, 2, 3}) {
        SCOPED_TRACE(std::string(adversary.name) + ", " + std::to_string(k) + ", threads " +
                     std::to_string(threads));
        expect_top_k(v, order, k, threads);
      }
  }
}

// About one sample in a few hundred puts a bound on the wrong side of the threshold.
TEST(TopK, IsExactWhereTheSampleMisleads) {
  constexpr std::size_t kCount = 3000;
  Scratch scratch;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    const Misaligned v = make_input(Input::normal, kCount, seed);
    const Indices order = ranked(v.span());
    for (const std::size_t k : {std::size_t{30}, std::size_t{1000}}) {
      SCOPED_TRACE(std::to_string(k) + ", seed " + std::to_string(seed));
      expect_top_k(v, order, k);
    }
  }
}

TEST(TopK, NothingOfNothing) {
  Scratch scratch;
  EXPECT_TRUE(top_k({}, 0, scratch).indices.empty());
  std::vector<float> v{1, 2};
  EXPECT_TRUE(top_k(v, 0, scratch).indices.empty());
}

}  // namespace
}  // namespace laconic::kernels
