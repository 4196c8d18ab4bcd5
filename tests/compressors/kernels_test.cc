// The kernels of selection on every instruction set, against twins of a few lines.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <functional>

#include "compressors/kernels/compact.h"
#include "compressors/kernels/positions.h"
#include "compressors/kernels/scan.h"
#include "compressors/kernels/select_key.h"
#include "compressors/kernels/targets.h"
#include "tests/compressors/vectors.h"

namespace laconic::kernels {
namespace {

using Indices = std::vector<std::uint32_t>;

constexpr std::size_t kLengths[] = {0,  1,   7,   15,  16,  17,   63,  64,
                                    65, 511, 512, 513, 600, 1024, 2000};
constexpr double kSizes[] = {0.01, 0.5, 1, 2, 3};  // thresholds, from almost all down to few

void on_every_target(const std::function<void()>& check_one) {
  for (const Target& target : supported_targets()) {
    const OnTarget on(target);
    SCOPED_TRACE(target.name);
    check_one();
  }
}

std::uint32_t key_of(double magnitude) { return magnitude_key(static_cast<float>(magnitude)); }

TEST(Positions, OfOnes) {
  on_every_target([] {
    const RngKey key = make_key(3, 0, 0, RngPurpose::test);
    for (const std::size_t n : {0, 1, 3, 40})
      for (int sparse = 0; sparse < 5; ++sparse) {
        std::vector<std::uint64_t> words(n);
        Indices expected;
        for (std::size_t w = 0; w < n; ++w) {
          words[w] = ~std::uint64_t{0};
          for (int s = 0; s < sparse; ++s) words[w] &= random_bits(key, w * 8 + s);
          for (std::uint64_t left = words[w]; left != 0; left &= left - 1)
            expected.push_back(static_cast<std::uint32_t>(1000 + 64 * w + std::countr_zero(left)));
        }
        Indices out(64 * n + kPositionSlack, 7);
        out.resize(positions_of_ones(words, 1000, out.data()));
        EXPECT_EQ(out, expected);
      }
  });
}

TEST(Scan, FindsWhatIsLarge) {
  on_every_target([] {
    for (const std::size_t n : kLengths)
      for (const double size : kSizes) {
        const Misaligned in = make_input(Input::normal, n);
        Indices expected, out(n + kPositionSlack);
        for (std::size_t i = 0; i < n; ++i)
          if (magnitude_key(in[i]) >= key_of(size))
            expected.push_back(static_cast<std::uint32_t>(50 + i));
        out.resize(scan(in.span(), key_of(size), 50, out.data()));
        EXPECT_EQ(out, expected);
      }
  });
}

TEST(Scan, AddsFeedbackOnTheWay) {
  on_every_target([] {
    for (const std::size_t n : kLengths) {
      const Misaligned gradient = make_input(Input::normal, n);
      Misaligned residual = make_input(Input::normal, n, 1), expected = residual;
      Indices large, out(n + kPositionSlack);
      for (std::size_t i = 0; i < n; ++i) {
        expected[i] = 0.7f * expected[i] + 0.3f * gradient[i];
        if (magnitude_key(expected[i]) >= key_of(0.5))
          large.push_back(static_cast<std::uint32_t>(i));
      }
      out.resize(scan_feedback(gradient.span(), residual.span(), {.scale = 0.3f, .decay = 0.7f},
                               key_of(0.5), 0, out.data()));
      EXPECT_EQ(out, large);
      EXPECT_TRUE(std::ranges::equal(residual.span(), expected.span()));
    }
  });
}

TEST(Scan, NaNAndInfinityAreTheLargest) {
  on_every_target([] {
    std::vector<float> in(100, 1.0f);
    in[17] = -std::numeric_limits<float>::infinity();
    in[99] = std::numeric_limits<float>::quiet_NaN();
    Indices out(in.size() + kPositionSlack);
    out.resize(scan(in, kInfinityKey, 0, out.data()));
    EXPECT_EQ(out, (Indices{17, 99}));
  });
}

struct Pairs {
  std::vector<float> values;
  Indices indices;
};

Pairs pairs(std::size_t n) {
  const Misaligned v = make_input(Input::integers, n);  // many ties
  Pairs p{{v.span().begin(), v.span().end()}, Indices(n)};
  for (std::size_t i = 0; i < n; ++i) p.indices[i] = static_cast<std::uint32_t>(3 * i);
  return p;
}

TEST(Compact, KeepsTheLargestAndSomeTies) {
  on_every_target([] {
    for (const std::size_t n : kLengths)
      for (const double threshold : {0.0, 1.0, 2.0, 2.5, 9.0})
        for (const std::size_t ties : {std::size_t{0}, std::size_t{1}, std::size_t{40}, n}) {
          Pairs p = pairs(n), expected;
          std::size_t left = ties;
          for (std::size_t i = 0; i < n; ++i) {
            const std::uint32_t key = magnitude_key(p.values[i]);
            const bool tie = key == key_of(threshold) && left > 0;
            left -= tie;
            if (!tie && key <= key_of(threshold)) continue;
            expected.values.push_back(p.values[i]);
            expected.indices.push_back(p.indices[i]);
          }
          std::size_t used = ties;
          const std::size_t kept = keep_largest(p.values, p.indices, key_of(threshold), used);
          p.values.resize(kept);
          p.indices.resize(kept);
          EXPECT_EQ(used, left);
          EXPECT_EQ(p.values, expected.values);
          EXPECT_EQ(p.indices, expected.indices);
        }
  });
}

TEST(Compact, CopiesWhatIsBelow) {
  on_every_target([] {
    for (const std::size_t n : kLengths)
      for (const double high : {0.5, 1.0, 2.0, 9.0}) {
        const Pairs p = pairs(n);
        Pairs expected, out{std::vector<float>(n + kCompactSlack), Indices(n + kCompactSlack)};
        std::uint32_t largest = 0;
        for (std::size_t i = 0; i < n; ++i) {
          largest = std::max(largest, magnitude_key(p.values[i]));
          if (magnitude_key(p.values[i]) >= key_of(high)) continue;
          expected.values.push_back(p.values[i]);
          expected.indices.push_back(p.indices[i]);
        }
        const Copied copied =
            copy_below(p.values, p.indices, key_of(high), out.values.data(), out.indices.data());
        EXPECT_EQ(copied.largest, largest);
        out.values.resize(copied.count);
        out.indices.resize(copied.count);
        EXPECT_EQ(out.values, expected.values);
        EXPECT_EQ(out.indices, expected.indices);
      }
  });
}

TEST(SelectKey, FindsEachRank) {
  const RngKey key = make_key(4, 0, 0, RngPurpose::test);
  // Spread over all 31 bits; within a few; one far away; all alike; two values.
  const auto key_at = [&key](int kind, std::size_t i) {
    const auto random = static_cast<std::uint32_t>(random_bits(key, i)) & 0x7fffffff;
    switch (kind) {
      case 0:
        return random;
      case 1:
        return 0x3f800000 + random % 50;
      case 2:
        return i == 5 ? 0x7f000000 : 0x3f800000 + random % 100000;
      case 3:
        return 77u;
      default:
        return random % 2;
    }
  };
  for (int kind = 0; kind < 5; ++kind)
    for (const std::size_t n : {1, 2, 10, 1000, 50000}) {
      std::vector<std::uint32_t> keys(n);
      for (std::size_t i = 0; i < n; ++i) keys[i] = key_at(kind, i);
      auto sorted = keys;
      std::ranges::sort(sorted, std::greater<>());
      for (const std::size_t rank : {std::size_t{1}, (n + 1) / 2, n - n / 10, n}) {
        auto copy = keys;
        const RankedKey found = select_key(copy, rank);
        ASSERT_EQ(found.key, sorted[rank - 1]) << "kind " << kind << ", rank " << rank;
        ASSERT_EQ(found.above,
                  std::ranges::lower_bound(sorted, found.key, std::greater<>()) - sorted.begin());
        copy = keys;
        const std::size_t last = std::min(n, rank + 3);
        const Narrowed narrowed = narrow(copy, rank, last);
        std::ranges::sort(narrowed.keys, std::greater<>());
        for (std::size_t r = rank; r <= last; ++r)
          ASSERT_EQ(narrowed.keys[r - 1 - narrowed.above], sorted[r - 1]);
      }
    }
}

}  // namespace
}  // namespace laconic::kernels
