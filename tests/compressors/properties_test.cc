// What every compressor promises (compressors/compressor.h), held against every one of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "compressors/frame.h"
#include "compressors/slices.h"
#include "tests/compressors/all_compressors.h"
#include "tests/compressors/vectors.h"

namespace laconic {
namespace {

using Frame = std::vector<std::byte>;

bool same_bits(Floats a, Floats b) {
  return std::ranges::equal(std::as_bytes(a), std::as_bytes(b));
}

double squared_norm(Floats v) {
  double sum = 0;
  for (const float x : v) sum += static_cast<double>(x) * x;
  return sum;
}

struct Case {
  NamedOptions compressor;
  bool checksum;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.compressor.name; }
};

class Properties : public testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<const Compressor> compressor_ =
      make_compressor(GetParam().compressor.options, {.checksum = GetParam().checksum});
  Scratch scratch_;
  RngKey key_ = make_key(6, 0, 0, RngPurpose::test);

  Site site(std::uint64_t step = 0) {
    return {derive(key_, 2 * step), derive(key_, 2 * step + 1), 1, 4, scratch_};
  }

  Frame encode(Floats in, std::uint64_t step = 0) {
    Frame frame(compressor_->max_bytes(in.size()));
    const std::size_t bytes = compressor_->encode(in, frame, site(step));
    EXPECT_LE(bytes, frame.size());
    if (compressor_->fixed_size()) {
      EXPECT_EQ(bytes, frame.size());
    }
    frame.resize(bytes);
    EXPECT_EQ(split(frame).total(), bytes);
    return frame;
  }

  Misaligned decode(Bytes frame, std::size_t count) {
    Misaligned out(count);
    std::ranges::fill(out.span(), std::numeric_limits<float>::quiet_NaN());
    compressor_->decode(frame, out.span());
    return out;
  }

  // Runs `check(input)` for every kind and short length.
  template <typename Check>
  void for_all_inputs(Check check_one) {
    for (const std::size_t count : kShortLengths)
      for (const Input kind : kInputs) {
        SCOPED_TRACE(std::to_string(count) + " elements, input " +
                     std::to_string(static_cast<int>(kind)));
        check_one(make_input(kind, count));
      }
    SCOPED_TRACE("long");
    check_one(make_input(Input::normal, kLongLength));
  }

  // The compressor's own encode_residual against the one that any compressor has.
  void expect_generic_feedback(const Misaligned& gradient, Feedback feedback) {
    const std::size_t count = gradient.size();
    Misaligned residual = make_input(Input::normal, count, 1), plain = residual;
    Frame frame(compressor_->max_bytes(count)), plain_frame(frame.size());
    frame.resize(
        compressor_->encode_residual(gradient.span(), residual.span(), feedback, frame, site()));
    plain_frame.resize(compressor_->Compressor::encode_residual(gradient.span(), plain.span(),
                                                                feedback, plain_frame, site()));
    EXPECT_TRUE(frame == plain_frame);
    EXPECT_TRUE(same_bits(residual.span(), plain.span()));
  }

  void expect_refused(Bytes frame, std::size_t count) {
    Misaligned out(count);
    EXPECT_THROW(compressor_->decode(frame, out.span()), WireError);
    EXPECT_THROW(compressor_->decode_add(frame, 1, out.span()), WireError);
  }
};

TEST_P(Properties, DecodesToFiniteValuesAndTheSameEveryTime) {
  for_all_inputs([this](const Misaligned& in) {
    const Frame frame = encode(in.span());
    EXPECT_TRUE(frame == encode(in.span()));
    const Misaligned out = decode(frame, in.size());
    EXPECT_TRUE(std::ranges::all_of(out.span(), [](float x) { return std::isfinite(x); }));
    EXPECT_TRUE(same_bits(out.span(), decode(frame, in.size()).span()));
  });
}

TEST_P(Properties, DecodeAddIsDecodeThenScaleThenAdd) {
  for_all_inputs([this](const Misaligned& in) {
    const Frame frame = encode(in.span());
    const Misaligned decoded = decode(frame, in.size());
    Misaligned sum = make_input(Input::normal, in.size(), 2), expected = sum;
    for (std::size_t i = 0; i < in.size(); ++i) expected[i] += 0.3f * decoded[i];
    compressor_->decode_add(frame, 0.3f, sum.span());
    EXPECT_TRUE(same_bits(sum.span(), expected.span()));
  });
}

TEST_P(Properties, DecodeAddAllIsDecodeAddInOrder) {
  for (const std::size_t count :
       {std::size_t{1}, std::size_t{65}, std::size_t{1000}, kLongLength}) {
    std::vector<Frame> frames;
    for (std::uint64_t rank = 0; rank < 3; ++rank)
      frames.push_back(encode(make_input(Input::normal, count, rank).span(), rank % 2));
    Misaligned sum = make_input(Input::normal, count, 9), expected = sum;
    for (const Frame& frame : frames) compressor_->decode_add(frame, 0.3f, expected.span());
    compressor_->decode_add_all(std::vector<Bytes>(frames.begin(), frames.end()), 0.3f, sum.span());
    EXPECT_TRUE(same_bits(sum.span(), expected.span()));
  }
}

TEST_P(Properties, EncodeResidualHasTheBitsOfTheGenericOne) {
  for_all_inputs([this](const Misaligned& in) {
    expect_generic_feedback(in, {});
    expect_generic_feedback(in, {.scale = 0.3f, .decay = 0.7f});
  });
}

// What error feedback holds back is not lost: to the last bit where no step rounds.
TEST_P(Properties, SentAndResidualAddUpToTheInputs) {
  constexpr std::size_t kCount = 1000;
  constexpr int kSteps = 3;
  for (const Input kind : {Input::integers, Input::normal}) {
    Misaligned residual(kCount);
    std::vector<double> given(kCount), sent(kCount), rounded(kCount);
    bool exact = true;
    for (int step = 0; step < kSteps; ++step) {
      const Misaligned in = make_input(kind, kCount, static_cast<std::uint64_t>(step));
      Frame frame(compressor_->max_bytes(kCount));
      frame.resize(compressor_->encode_residual(in.span(), residual.span(), {}, frame,
                                                site(static_cast<std::uint64_t>(step))));
      const Misaligned out = decode(frame, kCount);
      for (std::size_t i = 0; i < kCount; ++i) {
        given[i] += in[i];
        sent[i] += out[i];
        rounded[i] += std::abs(out[i]) + std::abs(residual[i]) + std::abs(in[i]);
        exact = exact && std::round(in[i]) == in[i] && std::round(out[i]) == out[i];
      }
    }
    for (std::size_t i = 0; i < kCount; ++i)
      ASSERT_NEAR(sent[i] + residual[i], given[i], exact ? 0 : 0x1p-22 * rounded[i]);
  }
}

// E C(x) = x and E|C(x)-x|² <= omega |x|², or E|C(x)-x|² <= (1-alpha)|x|², over many keys; what is
// estimated may miss by five of its own standard deviations. A mean may miss by as much again as
// rare events that were not seen can add, which the largest error of any element bounds (Maurer and
// Pontil, "Empirical Bernstein bounds", 2009, Theorem 4, at ln(2/delta) = 5²/2).
TEST_P(Properties, KeepsItsGuarantee) {
  constexpr std::size_t kCount = 200;
  constexpr int kDraws = 3000;
  for (const Input kind : {Input::normal, Input::integers, Input::mostly_zeros, Input::tiny,
                           Input::huge, Input::wide}) {
    const Misaligned in = make_input(kind, kCount);
    const double norm = squared_norm(in.span());
    std::vector<double> mean(kCount), square(kCount);
    double error_mean = 0, error_square = 0, largest = 0;
    for (int draw = 0; draw < kDraws; ++draw) {
      const Misaligned out = decode(encode(in.span(), static_cast<std::uint64_t>(draw)), kCount);
      double error = 0;
      for (std::size_t i = 0; i < kCount; ++i) {
        mean[i] += out[i] / double{kDraws};
        const double off = static_cast<double>(out[i]) - in[i];
        square[i] += off * off / kDraws;
        largest = std::max(largest, std::abs(off));
        error += off * off / norm;
      }
      error_mean += error / kDraws;
      error_square += error * error / kDraws;
    }
    const double deviation =
        std::sqrt(std::max(0.0, error_square - error_mean * error_mean) / kDraws);
    const Guarantee guarantee = compressor_->guarantee(kCount);
    ASSERT_TRUE(guarantee.unbiased() || guarantee.contractive());
    if (guarantee.unbiased()) {
      EXPECT_LE(error_mean, guarantee.omega + 5 * deviation + 1e-12);
      for (std::size_t i = 0; i < kCount; ++i)
        ASSERT_NEAR(mean[i], in[i],
                    5 * std::sqrt(square[i] / kDraws) + 7.0 / 3 * 12.5 * largest / kDraws +
                        1e-6 * std::abs(in[i]));
    }
    if (guarantee.contractive()) {
      const double alpha = std::max(guarantee.alpha, 1 - guarantee.omega);
      EXPECT_LE(error_mean, 1 - alpha + guarantee.absolute / norm + 5 * deviation + 1e-12);
    }
  }
}

// Frames, residuals and sums, for lengths around those at which threads begin to share the work and
// at which it is cut.
TEST_P(Properties, AnyNumberOfThreadsGivesTheSameBits) {
  for (const std::size_t count : {kWorthThreads - 1, kWorthThreads, 9 * kSlice + 70}) {
    SCOPED_TRACE(std::to_string(count) + " elements");
    const Misaligned in = make_input(Input::normal, count);
    const Misaligned before = make_input(Input::wide, count);
    std::vector<Frame> frames;
    std::vector<Misaligned> residuals, sums;
    for (const int threads : {1, 2, 3}) {
      compressor_ = make_compressor(GetParam().compressor.options,
                                    {.checksum = GetParam().checksum, .threads = threads});
      frames.push_back(encode(in.span()));
      Misaligned& residual = residuals.emplace_back(before);
      Frame& frame = frames.emplace_back(compressor_->max_bytes(count));
      frame.resize(compressor_->encode_residual(in.span(), residual.span(),
                                                {.scale = 0.3f, .decay = 0.7f}, frame, site()));
      Misaligned& sum = sums.emplace_back(before);
      compressor_->decode_add(frames[0], 0.3f, sum.span());
      compressor_->decode_add_all(std::array<Bytes, 2>{frames[0], frames[1]}, 0.7f, sum.span());
      sums.push_back(decode(frames[1], count));
    }
    for (std::size_t i = 2; i < frames.size(); ++i) {
      EXPECT_TRUE(frames[i] == frames[i % 2]);
      EXPECT_TRUE(same_bits(sums[i].span(), sums[i % 2].span()));
    }
    for (const Misaligned& residual : residuals)
      EXPECT_TRUE(same_bits(residual.span(), residuals[0].span()));
    Misaligned bad = in;
    bad[count - 3] = std::numeric_limits<float>::infinity();
    EXPECT_THROW(encode(bad.span()), NumericError);
  }
}

TEST_P(Properties, RefusesWhatIsNotFinite) {
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN()})
    for (const std::size_t count : {std::size_t{1}, std::size_t{64}, std::size_t{1000}})
      for (const std::size_t at : {std::size_t{0}, count / 2, count - 1}) {
        Misaligned in = make_input(Input::normal, count), residual(count);
        Frame frame(compressor_->max_bytes(count));
        in[at] = bad;
        EXPECT_THROW(compressor_->encode(in.span(), frame, site()), NumericError);
        EXPECT_THROW(compressor_->encode_residual(in.span(), residual.span(), {}, frame, site()),
                     NumericError);
      }
}

TEST_P(Properties, RefusesFramesOfOtherLengths) {
  for (const std::size_t count : {std::size_t{1}, std::size_t{64}, std::size_t{1000}}) {
    Frame frame = encode(make_input(Input::normal, count).span());
    expect_refused(frame, count + 1);
    expect_refused(frame, count - 1);
    for (std::size_t bytes = 0; bytes < frame.size(); ++bytes)
      expect_refused(Bytes(frame).first(bytes), count);
    frame.push_back(std::byte{0});
    expect_refused(frame, count);
  }
}

// A changed byte is found by the checksum. Without one, the frame is refused or decodes to
// something; the sanitizers see whether any of it lies outside the vector.
TEST_P(Properties, SurvivesChangedBytes) {
  for (const Input kind : {Input::normal, Input::mostly_zeros})
    for (const std::size_t count : {std::size_t{7}, std::size_t{65}, std::size_t{1000}}) {
      Frame frame = encode(make_input(kind, count).span());
      Misaligned out(count);
      for (std::byte& byte : frame) {
        const std::byte right = byte;
        for (const int change : {0x01, 0x80, 0xff}) {
          byte = right ^ static_cast<std::byte>(change);
          if (GetParam().checksum) {
            expect_refused(frame, count);
          } else {
            const auto attempt = [&](auto decode_one) {
              try {
                decode_one();
              } catch (const WireError&) {
              }
            };
            attempt([&] { compressor_->decode(frame, out.span()); });
            attempt([&] { compressor_->decode_add(frame, 1, out.span()); });
            attempt([&] {
              const Bytes frames[] = {frame, frame};
              compressor_->decode_add_all(frames, 1, out.span());
            });
          }
        }
        byte = right;
      }
    }
}

class SparsifierProperties : public Properties {};

TEST_P(SparsifierProperties, GivesAndTakesLists) {
  const auto* sparsifier = dynamic_cast<const Sparsifier*>(compressor_.get());
  for_all_inputs([&](const Misaligned& in) {
    Misaligned residual = make_input(Input::normal, in.size(), 1), expected = residual;
    for (std::size_t i = 0; i < in.size(); ++i) expected[i] += in[i];
    SparseList list, again;
    sparsifier->select_residual(in.span(), residual.span(), {}, list, site());
    for (std::size_t i = 0; i < list.indices.size(); ++i)
      residual[list.indices[i]] += list.values[i];
    EXPECT_TRUE(std::ranges::equal(residual.span(), expected.span()));

    Frame frame(sparsifier->max_list_bytes(list.indices.size(), in.size()));
    frame.resize(sparsifier->encode_list(list, in.size(), frame, site()));
    sparsifier->decode_list(frame, in.size(), again);
    EXPECT_TRUE(again.indices == list.indices);
    Misaligned scattered(in.size());
    for (std::size_t i = 0; i < again.indices.size(); ++i)
      scattered[again.indices[i]] = again.values[i];
    EXPECT_TRUE(same_bits(scattered.span(), decode(frame, in.size()).span()));
  });
}

bool any(const Compressor&) { return true; }

bool keeps_coordinates(const Compressor& compressor) {
  return dynamic_cast<const Sparsifier*>(&compressor) != nullptr;
}

std::vector<Case> cases(bool (*wanted)(const Compressor&)) {
  std::vector<Case> all;
  for (const NamedOptions& options : all_compressors())
    if (wanted(*make_compressor(options.options))) {
      all.push_back({options, true});
      all.push_back({options, false});
    }
  return all;
}

std::string name_of(const testing::TestParamInfo<Case>& test) {
  return test.param.compressor.name + (test.param.checksum ? "" : "_bare");
}

INSTANTIATE_TEST_SUITE_P(All, Properties, testing::ValuesIn(cases(any)), name_of);
INSTANTIATE_TEST_SUITE_P(All, SparsifierProperties, testing::ValuesIn(cases(keeps_coordinates)),
                         name_of);

}  // namespace
}  // namespace laconic
