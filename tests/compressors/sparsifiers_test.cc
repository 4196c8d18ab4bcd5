// What each sparsifier keeps, by its own definition.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/errors.h"
#include "compressors/kernels/block_top_k.h"
#include "compressors/kernels/dct.h"
#include "compressors/kernels/targets.h"
#include "compressors/options.h"
#include "tests/compressors/vectors.h"

namespace laconic {
namespace {

constexpr std::size_t kCount = 3 * 4096 + 1000;

std::vector<float> decoded(const CompressorOptions& options, Floats in, int rank = 0,
                           int ranks = 1) {
  const auto compressor = make_compressor(options);
  Scratch scratch;
  const RngKey key = make_key(11, 0, 0, RngPurpose::test);
  std::vector<std::byte> frame(compressor->max_bytes(in.size()));
  frame.resize(compressor->encode(in, frame, {derive(key, rank), key, rank, ranks, scratch}));
  std::vector<float> out(in.size());
  compressor->decode(frame, out);
  return out;
}

// Indices by falling magnitude, ties by rising index.
std::vector<std::uint32_t> ordered(Floats v) {
  std::vector<std::uint32_t> order(v.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::stable_sort(order, [v](auto a, auto b) { return std::abs(v[a]) > std::abs(v[b]); });
  return order;
}

TEST(StratifiedRandK, SendsOneOfEachStratumTimesItsSize) {
  const Misaligned in = make_input(Input::normal, 1003);
  const auto out = decoded(StratifiedRandKOptions{.density = 0.1}, in.span());
  std::size_t begin = 0;
  for (std::size_t j = 0; j < 100; ++j) {
    const std::size_t size = j < 3 ? 11 : 10;
    std::size_t sent = 0;
    for (std::size_t i = begin; i < begin + size; ++i) {
      if (out[i] == 0) continue;
      ++sent;
      EXPECT_EQ(out[i], static_cast<float>(size) * in[i]);
    }
    EXPECT_EQ(sent, 1u);
    begin += size;
  }
}

TEST(PermK, DealsEveryCoordinateToOneRank) {
  for (const int ranks : {1, 2, 3, 8, 30})
    for (const std::size_t count : {std::size_t{1}, std::size_t{8}, std::size_t{1000}}) {
      const Misaligned in = make_input(Input::normal, count);
      std::vector<float> sum(count);
      std::vector<int> times(count);
      for (int rank = 0; rank < ranks; ++rank) {
        const auto out = decoded(PermKOptions{.ranks = ranks}, in.span(), rank, ranks);
        std::size_t sent = 0;
        for (std::size_t i = 0; i < count; ++i) {
          if (out[i] == 0) continue;
          EXPECT_EQ(out[i], static_cast<float>(ranks) * in[i]);
          ++times[i], ++sent;
        }
        EXPECT_GE(sent, count / static_cast<std::size_t>(ranks));
        EXPECT_LE(sent, (count - 1) / static_cast<std::size_t>(ranks) + 1);
      }
      EXPECT_TRUE(std::ranges::all_of(times, [](int t) { return t == 1; }));
    }
}

TEST(PermK, RefusesFramesOfOtherGroups) {
  const Misaligned in = make_input(Input::normal, 100);
  const auto three = make_compressor(PermKOptions{.ranks = 3});
  const auto four = make_compressor(PermKOptions{.ranks = 4});
  Scratch scratch;
  std::vector<std::byte> frame(three->max_bytes(100));
  frame.resize(three->encode(in.span(), frame, {{}, {}, 2, 3, scratch}));
  std::vector<float> out(100);
  EXPECT_NO_THROW(three->decode(frame, out));
  EXPECT_THROW(four->decode(frame, out), WireError);
}

TEST(Threshold, KeepsWhatReachesIt) {
  using enum ThresholdOptions::RelativeTo;
  for (const Input kind : {Input::normal, Input::integers, Input::mostly_zeros, Input::huge}) {
    const Misaligned in = make_input(kind, kCount);
    double largest_of = 0, squares = 0;
    for (const float x : in.span()) {
      largest_of = std::max(largest_of, std::abs(double{x}));
      squares += double{x} * x;
    }
    const double root = std::sqrt(squares / kCount);
    struct Case {
      ThresholdOptions options;
      double least;
    };
    for (const auto& [options, least] :
         {Case{{.at = 1, .relative_to = one}, 1},
          Case{{.at = 0.5, .relative_to = largest}, largest_of / 2},
          Case{{.at = 1, .relative_to = largest}, largest_of},
          Case{{.at = 2, .relative_to = mean_square}, std::min(2 * root, largest_of)},
          Case{{.at = 1000, .relative_to = mean_square}, std::min(1000 * root, largest_of)}}) {
      const auto out = decoded(options, in.span());
      for (std::size_t i = 0; i < kCount; ++i)
        // One float to either side of the threshold may be rounded to it.
        if (std::abs(std::abs(in[i]) - least) > 1e-6 * least) {
          ASSERT_EQ(out[i], std::abs(in[i]) > least ? in[i] : 0) << i;
        }
    }
  }
}

TEST(Threshold, OfZerosKeepsNothing) {
  const std::vector<float> zeros(100);
  for (const auto& options :
       {ThresholdOptions{},
        ThresholdOptions{.at = 1, .relative_to = ThresholdOptions::RelativeTo::largest}})
    EXPECT_EQ(decoded(options, zeros), zeros);
}

TEST(BlockTopK, KeepsTheLargestOfEachBlock) {
  for (const kernels::Target& target : kernels::supported_targets()) {
    const kernels::OnTarget on(target);
    for (const Input kind : kInputs)
      for (const std::size_t each :
           {std::size_t{1}, std::size_t{64}, std::size_t{3000}, std::size_t{4096}}) {
        Misaligned in = make_input(kind, kCount);
        // A block that the one before it says nothing about, and one of zeros.
        for (std::size_t i = 4096; i < 8192; ++i) in[i] *= 1e-3f;
        if (kind == Input::normal)
          for (std::size_t i = 8192; i < 12288; ++i) in[i] = 0;
        std::vector<float> expected(kCount);
        for (std::size_t begin = 0; begin < kCount; begin += 4096) {
          const Floats block =
              in.span().subspan(begin, std::min<std::size_t>(4096, kCount - begin));
          const std::size_t k = kept_elements(static_cast<double>(each) / 4096, block.size());
          const auto order = ordered(block);
          for (std::size_t i = 0; i < k; ++i) expected[begin + order[i]] = block[order[i]];
        }
        const auto out = decoded(BlockTopKOptions{.each = each}, in.span());
        ASSERT_TRUE(std::ranges::equal(out, expected))
            << target.name << ", " << each << " of each block, input " << static_cast<int>(kind);
      }
  }
}

TEST(BlockTopK, FramesAreOfOneLength) {
  const auto twelve = make_compressor(BlockTopKOptions{});
  const auto fewest =
      make_compressor(BlockTopKOptions{.indices = BlockTopKOptions::Indices::automatic});
  Scratch scratch;
  for (const Input kind : {Input::normal, Input::zeros}) {
    const Misaligned in = make_input(kind, kCount);
    std::vector<std::byte> frame(twelve->max_bytes(kCount));
    const std::size_t kept = 3 * 64 + 16;
    EXPECT_EQ(twelve->encode(in.span(), frame, {{}, {}, 0, 1, scratch}),
              20 + 4 + (12 * kept + 7) / 8 + 4 * kept);
    if (kind == Input::normal) {
      EXPECT_LT(fewest->encode(in.span(), frame, {{}, {}, 0, 1, scratch}), 20 + kept + 4 * kept);
    }
  }
}

std::vector<float> block_by_block(Floats side_by_side) {
  std::vector<float> out(side_by_side.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = side_by_side[kernels::dct_place(i)];
  return out;
}

// The definition, in double.
std::vector<double> cosine_transform(Floats x) {
  std::vector<double> out(64);
  for (std::size_t k = 0; k < 64; ++k) {
    for (std::size_t i = 0; i < x.size(); ++i)
      out[k] += x[i] * std::cos(std::numbers::pi * static_cast<double>((2 * i + 1) * k) / 128);
    out[k] *= k == 0 ? std::sqrt(1.0 / 64) : std::sqrt(2.0 / 64);
  }
  return out;
}

TEST(Dct, IsTheCosineTransform) {
  for (const kernels::Target& target : kernels::supported_targets()) {
    const kernels::OnTarget on(target);
    const Misaligned in = make_input(Input::normal, kernels::kDctTile);
    std::vector<float> out(in.size()), back(in.size());
    std::uint64_t chosen[kernels::kDctBlocks];
    kernels::dct_choose(in.span().data(), 64, out.data(), chosen);
    const auto coefficients = block_by_block(out);
    for (std::size_t block = 0; block < kernels::kDctBlocks; ++block) {
      const auto expected = cosine_transform(in.span().subspan(64 * block, 64));
      for (std::size_t k = 0; k < 64; ++k)
        ASSERT_NEAR(coefficients[64 * block + k], expected[k], 2e-6);
      EXPECT_EQ(chosen[block], ~std::uint64_t{0});
    }
    kernels::inverse_dct(out.data(), back.data());
    for (std::size_t i = 0; i < in.size(); ++i) ASSERT_NEAR(back[i], in[i], 2e-6);
  }
}

TEST(Dct, ChoosesTheLargestOfEachBlock) {
  for (const kernels::Target& target : kernels::supported_targets()) {
    const kernels::OnTarget on(target);
    for (const Input kind : {Input::normal, Input::zeros, Input::mostly_zeros, Input::denormals})
      for (std::size_t k = 1; k <= 64; ++k) {
        const Misaligned in = make_input(kind, kernels::kDctTile, k);
        std::vector<float> out(in.size());
        std::uint64_t chosen[kernels::kDctBlocks];
        kernels::dct_choose(in.span().data(), k, out.data(), chosen);
        const auto coefficients = block_by_block(out);
        for (std::size_t block = 0; block < kernels::kDctBlocks; ++block) {
          const auto order = ordered(Floats(coefficients).subspan(64 * block, 64));
          std::uint64_t expected = 0;
          for (std::size_t i = 0; i < k; ++i) expected |= std::uint64_t{1} << order[i];
          ASSERT_EQ(chosen[block], expected) << target.name << ", " << k;
        }
      }
  }
}

// What moves together is said by few coefficients.
TEST(DctTopK, KeepsASmoothVectorWithFewCoefficients) {
  std::vector<float> wave(1000);
  for (std::size_t i = 0; i < wave.size(); ++i) wave[i] = 2 + std::sin(static_cast<float>(i) / 40);
  const auto out = decoded(DctTopKOptions{.keep = 6}, wave);
  for (std::size_t i = 0; i < 960; ++i) ASSERT_NEAR(out[i], wave[i], 0.1);
}

TEST(Sparsifiers, RefuseOptionsOutOfRange) {
  using enum ThresholdOptions::RelativeTo;
  const CompressorOptions wrong[] = {
      StratifiedRandKOptions{.density = 0},
      PermKOptions{.ranks = 0},
      ThresholdOptions{.at = 0},
      ThresholdOptions{.at = 1.5, .relative_to = largest},
      ThresholdOptions{.at = std::numeric_limits<double>::infinity()},
      BlockTopKOptions{.each = 0},
      BlockTopKOptions{.each = 4097},
      DctTopKOptions{.keep = 0},
      DctTopKOptions{.keep = 65},
  };
  for (const CompressorOptions& options : wrong)
    EXPECT_THROW(make_compressor(options), ConfigError);
}

}  // namespace
}  // namespace laconic
