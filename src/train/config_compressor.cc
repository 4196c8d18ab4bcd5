#include "train/config_parts.h"

#include "train/config_checks.h"

// A switch over a oneof names every member and has no default, so that the compiler finds the one
// that was added to the schema and forgotten here.
namespace laconic::from_config {
namespace {

std::size_t bucket(const std::string& path, std::uint32_t value) {
  return ranged(path, value, value > 0 && value % 64 == 0 && value <= 65536,
                "a multiple of 64 up to 65,536");
}

SignOptions sign_of(const config::Sign& sign, const std::string& path) {
  return {bucket(path + ".bucket", sign.bucket())};
}

QsgdOptions qsgd_of(const config::Qsgd& qsgd, const std::string& path) {
  const std::uint32_t levels = qsgd.levels();
  return {ranged(path + ".levels", levels, levels >= 1 && levels <= 127, "a number from 1 to 127"),
          qsgd.norm() == config::Qsgd::l2 ? QsgdNorm::l2 : QsgdNorm::max,
          bucket(path + ".bucket", qsgd.bucket())};
}

TwoBitOptions two_bit_of(const config::TwoBit& two_bit, const std::string& path) {
  return {bucket(path + ".bucket", two_bit.bucket())};
}

PyramidOptions pyramid_of(const config::Pyramid& pyramid, const std::string& path) {
  const std::uint32_t group = pyramid.group(), pulses = pyramid.pulses();
  return {ranged(path + ".group", group, group == 8 || group == 16 || group == 32 || group == 64,
                 "8, 16, 32 or 64"),
          ranged(path + ".pulses", pulses, pulses >= 1 && pulses <= 40, "a number from 1 to 40")};
}

/// `at` is the sparsifier; `quantizer` has the parameters of its values.
ValueFormat values_of(config::ValueFormat format, const config::Quantizer& quantizer, bool unbiased,
                      const std::string& at) {
  const std::string path = at + ".quantizer";
  const auto chosen = [&]() -> ValueFormat {
    switch (format) {
      case config::float32:
        return Float32Options{};
      case config::bf16:
        return Bf16Options{};
      case config::fp16:
        return Fp16Options{};
      case config::fp8_e4m3:
        return Fp8E4M3Options{};
      case config::fp8_e5m2:
        return Fp8E5M2Options{};
      case config::sign:
        return sign_of(quantizer.sign(), path + ".sign");
      case config::qsgd:
        return qsgd_of(quantizer.qsgd(), path + ".qsgd");
      case config::natural:
        return NaturalOptions{};
      case config::two_bit:
        return two_bit_of(quantizer.two_bit(), path + ".two_bit");
      case config::pyramid:
        return pyramid_of(quantizer.pyramid(), path + ".pyramid");
    }
    not_chosen("values");
  }();
  const auto& name = config::ValueFormat_Name(format);
  if (unbiased && !can_be_unbiased(chosen))
    throw ConfigError(
        at + ".values",
        fmt::format("{} is biased: choose another, or set {}.unbiased=false", name, at));
  const auto* given = quantizer.GetReflection()->GetOneofFieldDescriptor(
      quantizer, config::Quantizer::descriptor()->FindOneofByName("format"));
  if (given != nullptr && given->name() != name)
    throw ConfigError(path + "." + given->name(), fmt::format("the values are {}", name));
  return chosen;
}

IndexCoding coding_of(config::TopK::Indices indices) {
  switch (indices) {
    case config::TopK::automatic:
      return IndexCoding::automatic;
    case config::TopK::raw32:
      return IndexCoding::raw32;
  }
  not_chosen("indices");
}

TopKOptions top_k_of(const config::TopK& c, const std::string& path) {
  return {density(path + ".density", c.density()),
          values_of(c.values(), c.quantizer(), false, path), coding_of(c.indices())};
}

RandKOptions rand_k_of(const config::RandK& c, const std::string& path) {
  return {density(path + ".density", c.density()), c.unbiased(), c.shared(),
          values_of(c.values(), c.quantizer(), c.unbiased(), path)};
}

StratifiedRandKOptions stratified_rand_k_of(const config::StratifiedRandK& c,
                                            const std::string& path) {
  return {density(path + ".density", c.density()), c.unbiased(), c.shared(),
          values_of(c.values(), c.quantizer(), c.unbiased(), path)};
}

PermKOptions perm_k_of(const config::PermK& c, const std::string& path) {
  return {c.unbiased(), values_of(c.values(), c.quantizer(), c.unbiased(), path)};
}

ThresholdOptions threshold_of(const config::Threshold& c, const std::string& path) {
  ThresholdOptions options{.at = positive(path + ".at", c.at()),
                           .values = values_of(c.values(), c.quantizer(), false, path)};
  switch (c.relative_to()) {
    case config::Threshold::mean_square:
      options.relative_to = ThresholdOptions::RelativeTo::mean_square;
      break;
    case config::Threshold::largest:
      options.relative_to = ThresholdOptions::RelativeTo::largest;
      ranged(path + ".at", c.at(), c.at() <= 1, "at most 1, a part of the largest magnitude");
      break;
    case config::Threshold::one:
      options.relative_to = ThresholdOptions::RelativeTo::one;
      break;
  }
  return options;
}

BlockTopKOptions block_top_k_of(const config::BlockTopK& c, const std::string& path) {
  return {ranged(path + ".each", c.each(), c.each() >= 1 && c.each() <= 4096,
                 "a number from 1 to 4096"),
          values_of(c.values(), c.quantizer(), false, path),
          c.indices() == config::BlockTopK::block12 ? BlockTopKOptions::Indices::block12
                                                    : BlockTopKOptions::Indices::automatic};
}

DctTopKOptions dct_top_k_of(const config::DctTopK& c, const std::string& path) {
  return {
      ranged(path + ".keep", c.keep(), c.keep() >= 1 && c.keep() <= 64, "a number from 1 to 64"),
      values_of(c.values(), c.quantizer(), false, path)};
}

}  // namespace

CompressorOptions compressor_of(const config::Compressor& c, const std::string& path) {
  switch (c.kind_case()) {
    case config::Compressor::kIdentity:
      return IdentityOptions{};
    case config::Compressor::kTopK:
      return top_k_of(c.top_k(), path + ".top_k");
    case config::Compressor::kRandK:
      return rand_k_of(c.rand_k(), path + ".rand_k");
    case config::Compressor::kStratifiedRandK:
      return stratified_rand_k_of(c.stratified_rand_k(), path + ".stratified_rand_k");
    case config::Compressor::kPermK:
      return perm_k_of(c.perm_k(), path + ".perm_k");
    case config::Compressor::kThreshold:
      return threshold_of(c.threshold(), path + ".threshold");
    case config::Compressor::kBlockTopK:
      return block_top_k_of(c.block_top_k(), path + ".block_top_k");
    case config::Compressor::kDctTopK:
      return dct_top_k_of(c.dct_top_k(), path + ".dct_top_k");
    case config::Compressor::kBf16:
      return QuantizerOptions{Bf16Options{}, c.bf16().unbiased()};
    case config::Compressor::kFp16:
      return QuantizerOptions{Fp16Options{}, c.fp16().unbiased()};
    case config::Compressor::kFp8E4M3:
      return QuantizerOptions{Fp8E4M3Options{}, c.fp8_e4m3().unbiased()};
    case config::Compressor::kFp8E5M2:
      return QuantizerOptions{Fp8E5M2Options{}, c.fp8_e5m2().unbiased()};
    case config::Compressor::kSign:
      return QuantizerOptions{sign_of(c.sign(), path + ".sign")};
    case config::Compressor::kQsgd:
      return QuantizerOptions{qsgd_of(c.qsgd(), path + ".qsgd"), true};
    case config::Compressor::kNatural:
      return QuantizerOptions{NaturalOptions{}, c.natural().unbiased()};
    case config::Compressor::kTwoBit:
      return QuantizerOptions{two_bit_of(c.two_bit(), path + ".two_bit")};
    case config::Compressor::kPyramid:
      return QuantizerOptions{pyramid_of(c.pyramid(), path + ".pyramid")};
    case config::Compressor::KIND_NOT_SET:
      break;
  }
  not_chosen("exchange.compressor");
}

}  // namespace laconic::from_config
