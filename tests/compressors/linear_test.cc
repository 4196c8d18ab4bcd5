#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/errors.h"
#include "base/rng.h"
#include "compressors/kernels/tall_skinny.h"
#include "compressors/kernels/targets.h"
#include "compressors/linear_compressor.h"
#include "compressors/options.h"

namespace laconic {
namespace {

const RngKey kKey = make_key(11, 0, 0, RngPurpose::test);

std::vector<float> normals(std::size_t count, std::uint64_t stream) {
  std::vector<float> v(count);
  for (std::size_t i = 0; i < count; ++i)
    v[i] = static_cast<float>(normal(derive(kKey, stream), i));
  return v;
}

double norm(Floats v) {
  double sum = 0;
  for (const double x : v) sum += x * x;
  return std::sqrt(sum);
}

double distance(Floats a, Floats b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(double{a[i]} - b[i], 2);
  return std::sqrt(sum);
}

// The definitions in tall_skinny.h, lane by lane.
float lane_sum(std::array<float, 16> lanes) {
  for (std::size_t half = 8; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
}

float plain_dot(Floats a, Floats b) {
  std::array<float, 16> lanes{};
  for (std::size_t i = 0; i < a.size(); ++i) lanes[i % 16] = std::fma(a[i], b[i], lanes[i % 16]);
  return lane_sum(lanes);
}

struct Shape {
  std::size_t rows, columns;
  int rank;
};
constexpr Shape kShapes[] = {{1, 1, 1},   {3, 5, 2},    {16, 16, 1}, {17, 31, 4},    {8, 64, 3},
                             {65, 33, 5}, {40, 129, 8}, {9, 1, 2},   {1030, 1040, 2}};

TEST(TallSkinny, EveryTargetComputesTheDefinition) {
  const auto targets = kernels::supported_targets();
  ASSERT_EQ(targets.back().name, "SCALAR");
  for (const auto& target : targets) {
    const kernels::OnTarget on(target);
    ASSERT_EQ(kernels::active_target().name, target.name);
    for (const auto& [rows, columns, rank] : kShapes) {
      SCOPED_TRACE(std::string(target.name) + " " + std::to_string(rows) + " x " +
                   std::to_string(columns));
      Scratch scratch;
      const auto m = normals(rows * columns + 1, 1);
      const Floats matrix = Floats(m).subspan(1);  // no register begins where it does
      const auto left = normals(rank * rows, 2), right = normals(rank * columns, 3);
      std::vector<float> product(left.size()), transposed(right.size()), outer(m.size());
      kernels::multiply(matrix, rows, columns, right, rank, product, scratch);
      kernels::multiply_transposed(matrix, rows, columns, left, rank, transposed, scratch);
      kernels::outer_product(left, right, rank, rows, columns, MutFloats(outer).subspan(1));
      for (int k = 0; k < rank; ++k) {
        for (std::size_t i = 0; i < rows; ++i)
          ASSERT_EQ(product[k * rows + i], plain_dot(matrix.subspan(i * columns, columns),
                                                     Floats(right).subspan(k * columns, columns)));
        for (std::size_t j = 0; j < columns; ++j) {
          float x = 0;
          for (std::size_t i = rows; i-- > 0;)
            x = std::fma(matrix[i * columns + j], left[k * rows + i], x);
          ASSERT_EQ(transposed[k * columns + j], x);
        }
      }
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < columns; ++j) {
          float x = left[i] * right[j];
          for (int k = 1; k < rank; ++k)
            x = std::fma(left[k * rows + i], right[k * columns + j], x);
          ASSERT_EQ(outer[1 + i * columns + j], x);
        }
      EXPECT_EQ(kernels::dot(matrix, matrix), plain_dot(matrix, matrix));
    }
  }
}

// Ranks in one process: each has its own compressor; averages are exact sums in rank order.
class Group {
 public:
  Group(const LinearCompressorOptions& options, const Layout& layout, int ranks)
      : count_(flat_size(layout) - layout.front().begin) {
    for (int rank = 0; rank < ranks; ++rank)
      members_.push_back(make_linear_compressor(options, layout));
  }

  struct Outcome {
    std::vector<float> mean;
    std::vector<std::vector<float>> sent;
  };

  Outcome step(const std::vector<std::vector<float>>& in, std::uint64_t index) {
    const int ranks = static_cast<int>(members_.size());
    for (int round = 0; round < members_[0]->rounds(); ++round) {
      std::vector<float> mean(members_[0]->floats(round)), payload(mean.size());
      for (int rank = 0; rank < ranks; ++rank) {
        const Site site{derive(derive(kKey, index), rank), derive(kKey, index), rank, ranks,
                        scratch_};
        members_[rank]->project(round, in[rank], payload, site);
        for (std::size_t i = 0; i < mean.size(); ++i)
          mean[i] += payload[i] / static_cast<float>(ranks);
      }
      for (const auto& member : members_) member->absorb(round, mean);
    }
    Outcome outcome{std::vector<float>(count_), {}};
    for (const auto& member : members_) {
      std::vector<float> mean(count_), sent(count_);
      member->reconstruct(mean, sent);
      if (!outcome.sent.empty()) {
        EXPECT_EQ(mean, outcome.mean);
      }
      outcome.mean = mean;
      outcome.sent.push_back(sent);
    }
    return outcome;
  }

  LinearCompressor& member(int rank) { return *members_[rank]; }

 private:
  std::size_t count_;
  std::vector<std::unique_ptr<LinearCompressor>> members_;
  Scratch scratch_;
};

// A convolution, a bias, a matrix too small to be worth factoring, and one cut at a row: the bucket
// begins in the middle of the flat vector.
const Layout kLayout{
    {"conv", 7, 32, 75}, {"bias", 2407, 32, 1}, {"tiny", 2439, 3, 5}, {"linear", 2454, 40, 64}};
const std::size_t kCount = flat_size(kLayout) - 7;

std::vector<std::vector<float>> inputs(int ranks, std::uint64_t step) {
  std::vector<std::vector<float>> in;
  for (int rank = 0; rank < ranks; ++rank) in.push_back(normals(kCount, 100 + 10 * step + rank));
  return in;
}

struct Named {
  std::string name;
  LinearCompressorOptions options;
};

class Linear : public testing::TestWithParam<Named> {};

TEST_P(Linear, MeanOfWhatRanksSentIsTheMean) {
  for (const int ranks : {1, 2, 5}) {
    Group group(GetParam().options, kLayout, ranks);
    for (std::uint64_t step = 0; step < 3; ++step) {
      const auto outcome = group.step(inputs(ranks, step), step);
      std::vector<float> mean(kCount);
      for (const auto& sent : outcome.sent)
        for (std::size_t i = 0; i < kCount; ++i) mean[i] += sent[i] / static_cast<float>(ranks);
      EXPECT_LE(distance(mean, outcome.mean), 1e-5 * norm(outcome.mean));
    }
  }
}

TEST_P(Linear, PayloadsAreLinear) {
  const auto a = normals(kCount, 1), b = normals(kCount, 2);
  std::vector<float> both(kCount);
  for (std::size_t i = 0; i < kCount; ++i) both[i] = 2 * a[i] - b[i];
  Scratch scratch;
  const Site site{derive(kKey, 1), derive(kKey, 2), 0, 1, scratch};
  const auto payload = [&](Floats in) {
    const auto compressor = make_linear_compressor(GetParam().options, kLayout);
    std::vector<float> out(compressor->floats(0));
    compressor->project(0, in, out, site);
    return out;
  };
  const auto pa = payload(a), pb = payload(b), sum = payload(both);
  for (std::size_t i = 0; i < sum.size(); ++i) EXPECT_NEAR(sum[i], 2 * pa[i] - pb[i], 1e-3) << i;
}

TEST_P(Linear, RefusesWhatIsNotFinite) {
  for (const float bad : {INFINITY, -INFINITY, NAN}) {
    const auto compressor = make_linear_compressor(GetParam().options, kLayout);
    Scratch scratch;
    const Site site{derive(kKey, 1), derive(kKey, 2), 0, 1, scratch};
    const std::vector<float> in(kCount, bad);
    std::vector<float> payload(compressor->floats(0));
    EXPECT_THROW(compressor->project(0, in, payload, site), NumericError);
  }
}

TEST_P(Linear, ResumesWithTheSameBits) {
  Group whole(GetParam().options, kLayout, 2);
  for (std::uint64_t step = 0; step < 3; ++step) whole.step(inputs(2, step), step);
  Group resumed(GetParam().options, kLayout, 2);
  for (int rank = 0; rank < 2; ++rank) {
    StateWriter writer;
    whole.member(rank).save(writer);
    StateReader reader(writer.blob(), "a test");
    resumed.member(rank).load(reader);
  }
  for (std::uint64_t step = 3; step < 6; ++step)
    EXPECT_EQ(whole.step(inputs(2, step), step).mean, resumed.step(inputs(2, step), step).mean);
}

TEST_P(Linear, TargetsAgreeOnEveryBit) {
  std::vector<float> first;
  for (const auto& target : kernels::supported_targets()) {
    const kernels::OnTarget on(target);
    Group group(GetParam().options, kLayout, 3);
    Group::Outcome outcome;
    for (std::uint64_t step = 0; step < 3; ++step) outcome = group.step(inputs(3, step), step);
    if (first.empty()) first = outcome.mean;
    EXPECT_EQ(first, outcome.mean) << target.name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Linear,
    testing::Values(Named{"rank1", PowerSgdOptions{.rank = 1}},
                    Named{"rank2", PowerSgdOptions{.rank = 2}},
                    Named{"rank4_in_turn", PowerSgdOptions{.rank = 4, .rounds = 1}},
                    Named{"rand_k", LinearRandKOptions{.density = 0.1}},
                    Named{"rand_k_contractive",
                          LinearRandKOptions{.density = 0.1, .unbiased = false}}),
    [](const auto& test) { return test.param.name; });

TEST(PowerSgd, SmallTensorsAreExact) {
  Group group(PowerSgdOptions{.rank = 2}, kLayout, 3);
  const auto in = inputs(3, 0);
  const auto outcome = group.step(in, 0);
  for (std::size_t i = 2400; i < 2447; ++i) {  // bias and tiny
    EXPECT_EQ(outcome.sent[1][i], in[1][i]);
    EXPECT_FLOAT_EQ(outcome.mean[i], in[0][i] / 3 + in[1][i] / 3 + in[2][i] / 3);
  }
}

TEST(PowerSgd, SendsFactorsOnly) {
  const auto both = make_linear_compressor(PowerSgdOptions{.rank = 2, .rounds = 2}, kLayout);
  EXPECT_EQ(both->floats(0), 2u * (32 + 40));
  EXPECT_EQ(both->floats(1), 2u * (75 + 64) + 32 + 15);
  const auto one = make_linear_compressor(PowerSgdOptions{.rank = 2, .rounds = 1}, kLayout);
  EXPECT_EQ(one->floats(0), 2u * (32 + 40) + 32 + 15);
}

// rows x columns with the singular values given, its vectors those of a random matrix.
std::vector<float> matrix_of(std::size_t rows, std::size_t columns,
                             const std::vector<double>& values) {
  std::vector<float> m(rows * columns);
  const auto basis = [](std::size_t n, std::size_t count, std::uint64_t stream) {
    std::vector<std::vector<double>> columns_of;
    for (std::size_t c = 0; c < count; ++c) {
      const auto draw = normals(n, stream + c);
      std::vector<double> v(draw.begin(), draw.end());
      for (int pass = 0; pass < 2; ++pass)
        for (const auto& other : columns_of) {
          const double d = std::inner_product(v.begin(), v.end(), other.begin(), 0.0);
          for (std::size_t i = 0; i < n; ++i) v[i] -= d * other[i];
        }
      const double length = std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
      for (double& x : v) x /= length;
      columns_of.push_back(v);
    }
    return columns_of;
  };
  const auto left = basis(rows, values.size(), 1000), right = basis(columns, values.size(), 2000);
  for (std::size_t k = 0; k < values.size(); ++k)
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j)
        m[i * columns + j] += static_cast<float>(values[k] * left[k][i] * right[k][j]);
  return m;
}

TEST(PowerSgd, RecoversAMatrixOfItsRankInOneStep) {
  const auto m = matrix_of(48, 96, {5, 2, 0.5});
  Group group(PowerSgdOptions{.rank = 3}, {{"m", 0, 48, 96}}, 1);
  EXPECT_LE(distance(group.step({m}, 0).mean, m), 1e-5 * norm(m));
}

TEST(PowerSgd, WarmStartConvergesToTheBestApproximation) {
  for (const int rounds : {1, 2}) {
    const auto m = matrix_of(60, 100, {4, 3, 1, 0.5, 0.25});
    const double best = std::sqrt(1 + 0.25 + 0.0625);  // what a rank of 2 cannot hold
    Group group(PowerSgdOptions{.rank = 2, .rounds = rounds}, {{"m", 0, 60, 100}}, 1);
    double error = 0, first = 0;
    for (std::uint64_t step = 0; step < 20; ++step) {
      error = distance(group.step({m}, step).mean, m);
      if (step == 0) first = error;
    }
    EXPECT_GT(first, 1.01 * best);
    EXPECT_NEAR(error, best, 1e-4);
  }
}

TEST(PowerSgd, NeverSendsMoreThanThereIs) {
  Group group(PowerSgdOptions{.rank = 4}, kLayout, 1);
  for (std::uint64_t step = 0; step < 5; ++step) {
    const auto in = inputs(1, step);
    EXPECT_LE(distance(group.step(in, step).sent[0], in[0]), norm(in[0]) * (1 + 1e-6));
  }
}

// Zero, of too low a rank, then full again; large and small: the factors stay orthonormal and
// alive.
TEST(PowerSgd, LivesThroughDegenerateGradients) {
  Group group(PowerSgdOptions{.rank = 3}, {{"m", 0, 48, 96}}, 1);
  const auto full = matrix_of(48, 96, {5, 2, 0.5});
  const auto thin = matrix_of(48, 96, {7});
  const std::vector<float> zero(48 * 96);
  std::uint64_t step = 0;
  for (const float scale : {1.0f, 1e-30f, 1e30f, 1e-40f, 1.0f}) {
    for (const auto* kind : {&zero, &thin, &full, &thin, &zero, &full}) {
      std::vector<float> m = *kind;
      for (float& x : m) x *= scale;
      const auto outcome = group.step({m}, step++);
      // Below the smallest normal number a float has hardly any digits left to recover.
      if (scale > 1e-38f) {
        EXPECT_LE(distance(outcome.mean, m), 1e-5 * norm(m)) << scale << " " << step;
      }
    }
  }
}

TEST(PowerSgd, ErrorFeedbackSendsEverythingInTheEnd) {
  Group group(PowerSgdOptions{.rank = 1, .rounds = 1}, {{"m", 0, 30, 50}}, 2);
  const std::vector<std::vector<float>> gradient{normals(1500, 1), normals(1500, 2)};
  std::vector<std::vector<float>> residual(2, std::vector<float>(1500));
  std::vector<double> total(1500);
  constexpr int kSteps = 400;
  for (int step = 0; step < kSteps; ++step) {
    auto in = gradient;
    for (int rank = 0; rank < 2; ++rank)
      for (std::size_t i = 0; i < 1500; ++i) in[rank][i] += residual[rank][i];
    const auto outcome = group.step(in, step);
    for (int rank = 0; rank < 2; ++rank)
      for (std::size_t i = 0; i < 1500; ++i)
        residual[rank][i] = in[rank][i] - outcome.sent[rank][i];
    for (std::size_t i = 0; i < 1500; ++i) total[i] += outcome.mean[i];
  }
  double error = 0, size = 0;
  for (std::size_t i = 0; i < 1500; ++i) {
    const double mean = 0.5 * gradient[0][i] + 0.5 * gradient[1][i];
    error += std::pow(total[i] / kSteps - mean, 2);
    size += mean * mean;
  }
  EXPECT_LE(error, 0.02 * size);
}

TEST(LinearRandK, IsUnbiasedOrKeepsAsItIs) {
  const auto in = normals(kCount, 1);
  constexpr int kDraws = 2000;
  for (const bool unbiased : {true, false}) {
    Group group(LinearRandKOptions{.density = 0.25, .unbiased = unbiased}, kLayout, 1);
    std::vector<double> mean(kCount);
    for (int draw = 0; draw < kDraws; ++draw) {
      const auto sent = group.step({in}, draw).sent[0];
      std::size_t kept = 0;
      for (std::size_t i = 0; i < kCount; ++i) {
        kept += sent[i] != 0 ? 1 : 0;
        mean[i] += sent[i] / kDraws;
      }
      ASSERT_EQ(kept, kept_elements(0.25, kCount));
    }
    const double factor = unbiased ? 1 : 0.25;  // what a coordinate keeps on average
    const double deviation = factor * std::sqrt(3.0 / kDraws);
    for (std::size_t i = 0; i < kCount; ++i)
      EXPECT_NEAR(mean[i], factor * in[i], 5.5 * deviation * std::abs(in[i]));
  }
}

TEST(LinearCompressor, OptionsAreChecked) {
  EXPECT_THROW(make_linear_compressor(LinearRandKOptions{.density = 0}, kLayout), ConfigError);
  EXPECT_THROW(make_linear_compressor(PowerSgdOptions{.rank = 0}, kLayout), ConfigError);
  EXPECT_THROW(make_linear_compressor(PowerSgdOptions{.rounds = 3}, kLayout), ConfigError);
}

}  // namespace
}  // namespace laconic
