// What every compressor promises, held against every one of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "base/rng.h"
#include "compressors/frame.h"
#include "tests/compressors/all_compressors.h"

namespace laconic {
namespace {

const RngKey kKey = make_key(5, 0, 0, RngPurpose::test);

struct Case {
  NamedOptions compressor;
  bool checksum;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.compressor.name; }
};

// A vector whose first element does not sit on a cache line, nor on a register.
class Misaligned {
 public:
  explicit Misaligned(std::size_t count) : memory_(count + 3), count_(count) {}
  MutFloats span() { return MutFloats(memory_).subspan(3); }
  float& operator[](std::size_t i) { return memory_[i + 3]; }

 private:
  std::vector<float> memory_;
  std::size_t count_;
};

enum class Input { normal, ties, zeros, mostly_zeros, denormals };
constexpr Input kInputs[] = {Input::normal, Input::ties, Input::zeros, Input::mostly_zeros,
                             Input::denormals};
constexpr std::size_t kLengths[] = {0, 1, 7, 8, 63, 64, 65, 1000, (1 << 20) + 3};

Misaligned make_input(Input kind, std::size_t count) {
  Misaligned v(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double z = normal(kKey, i);
    switch (kind) {
      case Input::normal:
        v[i] = static_cast<float>(z);
        break;
      case Input::ties:
        v[i] = static_cast<float>(std::round(2 * z) / 2);
        break;
      case Input::zeros:
        v[i] = i % 2 == 0 ? 0.0f : -0.0f;
        break;
      case Input::mostly_zeros:
        v[i] = i % 50 == 7 ? static_cast<float>(z) : 0.0f;
        break;
      case Input::denormals:
        v[i] = static_cast<float>(z * 1e-40);
        break;
    }
  }
  return v;
}

class Properties : public testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<const Compressor> compressor_ =
      make_compressor(GetParam().compressor.options, {.checksum = GetParam().checksum});
  Scratch scratch_;
  Site site_{derive(kKey, 1), derive(kKey, 2), 0, 4, scratch_};

  std::vector<std::byte> encode(Floats in) {
    std::vector<std::byte> frame(compressor_->max_bytes(in.size()));
    const std::size_t bytes = compressor_->encode(in, frame, site_);
    EXPECT_LE(bytes, frame.size());
    if (compressor_->fixed_size()) {
      EXPECT_EQ(bytes, frame.size());
    }
    frame.resize(bytes);
    return frame;
  }

  // The compressor's own encode_residual against the one that any compressor has.
  void expect_same_feedback(Floats gradient) {
    const std::size_t count = gradient.size();
    const Feedback feedback{.scale = 0.5f, .decay = 0.75f};
    Misaligned residual = make_input(Input::normal, count), plain = residual;
    std::vector<std::byte> frame(compressor_->max_bytes(count)), plain_frame(frame.size());
    frame.resize(compressor_->encode_residual(gradient, residual.span(), feedback, frame, site_));
    plain_frame.resize(compressor_->Compressor::encode_residual(gradient, plain.span(), feedback,
                                                                plain_frame, site_));
    EXPECT_TRUE(frame == plain_frame);
    EXPECT_TRUE(std::ranges::equal(std::as_bytes(residual.span()), std::as_bytes(plain.span())));
  }
};

TEST_P(Properties, DecodeAddAndEncodeResidualAgreeWithDecode) {
  for (const std::size_t count : kLengths)
    for (const Input kind : kInputs) {
      Misaligned in = make_input(kind, count);
      const auto frame = encode(in.span());
      EXPECT_EQ(split(frame).total(), frame.size());
      Misaligned decoded(count), sum = make_input(Input::normal, count), residual(count);
      compressor_->decode(frame, decoded.span());
      std::vector<float> expected(sum.span().begin(), sum.span().end());
      for (std::size_t i = 0; i < count; ++i) expected[i] += 0.25f * decoded[i];
      compressor_->decode_add(frame, 0.25f, sum.span());
      for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(sum[i], expected[i]) << count << " " << i;

      expect_same_feedback(in.span());
    }
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const NamedOptions& options : all_compressors()) {
    all.push_back({options, true});
    all.push_back({options, false});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, Properties, testing::ValuesIn(cases()), [](const auto& test) {
  return test.param.compressor.name + (test.param.checksum ? "" : "_bare");
});

}  // namespace
}  // namespace laconic
