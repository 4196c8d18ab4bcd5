#pragma once

#include <string>
#include <vector>

#include "compressors/options.h"

namespace laconic {

struct NamedOptions {
  std::string name;
  CompressorOptions options;
};

/// Every compressor at the settings that its tests cover: the one list that tests and benchmarks
/// iterate. A new compressor adds its rows here.
inline std::vector<NamedOptions> all_compressors() {
  using RelativeTo = ThresholdOptions::RelativeTo;
  return {
      {"identity", IdentityOptions{}},
      {"top_k_1pc", TopKOptions{.density = 0.01}},
      {"top_k_10pc_bf16", TopKOptions{.density = 0.1, .values = Bf16Options{}}},
      {"top_k_45pc", TopKOptions{.density = 0.45}},
      {"top_k_all", TopKOptions{.density = 1}},
      {"top_k_raw32", TopKOptions{.density = 0.05, .indices = IndexCoding::raw32}},
      {"rand_k", RandKOptions{.density = 0.1}},
      {"rand_k_bf16", RandKOptions{.density = 0.3, .values = Bf16Options{}}},
      {"rand_k_contractive", RandKOptions{.density = 0.7, .unbiased = false, .shared = false}},
      {"stratified_rand_k", StratifiedRandKOptions{.density = 0.1}},
      {"stratified_rand_k_bf16", StratifiedRandKOptions{.density = 0.3, .values = Bf16Options{}}},
      {"stratified_rand_k_contractive",
       StratifiedRandKOptions{.density = 0.7, .unbiased = false, .shared = false}},
      {"perm_k", PermKOptions{.ranks = 4}},
      {"perm_k_contractive_bf16",
       PermKOptions{.unbiased = false, .values = Bf16Options{}, .ranks = 4}},
      {"threshold_absolute", ThresholdOptions{.at = 1, .relative_to = RelativeTo::one}},
      {"threshold_largest_bf16",
       ThresholdOptions{.at = 0.3, .relative_to = RelativeTo::largest, .values = Bf16Options{}}},
      {"threshold_mean_square", ThresholdOptions{.at = 2}},
      {"block_top_k", BlockTopKOptions{}},
      {"block_top_k_bf16", BlockTopKOptions{.each = 1000, .values = Bf16Options{}}},
      {"block_top_k_rice", BlockTopKOptions{.indices = BlockTopKOptions::Indices::automatic}},
      {"dct_top_k", DctTopKOptions{}},
      {"dct_top_k_few_bf16", DctTopKOptions{.keep = 4, .values = Bf16Options{}}},
      {"dct_top_k_all", DctTopKOptions{.keep = 64}},
      {"stratified_rand_k_fp16", StratifiedRandKOptions{.density = 0.3, .values = Fp16Options{}}},
      {"threshold_fp8_e4m3", ThresholdOptions{.at = 1, .values = Fp8E4M3Options{}}},
      {"block_top_k_sign", BlockTopKOptions{.each = 500, .values = SignOptions{}}},
      {"dct_top_k_fp8_e4m3", DctTopKOptions{.values = Fp8E4M3Options{}}},
      {"bf16", QuantizerOptions{Bf16Options{}}},
      {"bf16_unbiased", QuantizerOptions{Bf16Options{}, true}},
      {"fp16", QuantizerOptions{Fp16Options{}}},
      {"fp16_unbiased", QuantizerOptions{Fp16Options{}, true}},
      {"fp8_e4m3", QuantizerOptions{Fp8E4M3Options{}}},
      {"fp8_e4m3_unbiased", QuantizerOptions{Fp8E4M3Options{}, true}},
      {"fp8_e5m2", QuantizerOptions{Fp8E5M2Options{}}},
      {"fp8_e5m2_unbiased", QuantizerOptions{Fp8E5M2Options{}, true}},
      {"sign", QuantizerOptions{SignOptions{}}},
      {"sign_64", QuantizerOptions{SignOptions{.bucket = 64}}},
      {"qsgd", QuantizerOptions{QsgdOptions{}}},
      {"qsgd_1", QuantizerOptions{QsgdOptions{.levels = 1, .bucket = 64}}},
      {"qsgd_7_l2", QuantizerOptions{QsgdOptions{.levels = 7, .norm = QsgdNorm::l2}}},
      {"natural", QuantizerOptions{NaturalOptions{}}},
      {"natural_unbiased", QuantizerOptions{NaturalOptions{}, true}},
      {"two_bit", QuantizerOptions{TwoBitOptions{}}},
      {"two_bit_64", QuantizerOptions{TwoBitOptions{.bucket = 64}}},
      {"pyramid", QuantizerOptions{PyramidOptions{}}},
      {"pyramid_8_1", QuantizerOptions{PyramidOptions{.group = 8, .pulses = 1}}},
      {"pyramid_16_40", QuantizerOptions{PyramidOptions{.group = 16, .pulses = 40}}},
      {"top_k_qsgd", TopKOptions{.density = 0.1, .values = QsgdOptions{}}},
      {"top_k_natural", TopKOptions{.density = 0.1, .values = NaturalOptions{}}},
      {"top_k_two_bit", TopKOptions{.density = 0.1, .values = TwoBitOptions{.bucket = 256}}},
      {"top_k_pyramid", TopKOptions{.density = 0.1, .values = PyramidOptions{}}},
      {"rand_k_qsgd", RandKOptions{.density = 0.3, .values = QsgdOptions{.levels = 3}}},
      {"rand_k_natural", RandKOptions{.density = 0.3, .values = NaturalOptions{}}},
      {"top_k_fp16", TopKOptions{.density = 0.1, .values = Fp16Options{}}},
      {"top_k_fp8_e4m3", TopKOptions{.density = 0.1, .values = Fp8E4M3Options{}}},
      {"top_k_fp8_e5m2", TopKOptions{.density = 0.1, .values = Fp8E5M2Options{}}},
      {"top_k_sign", TopKOptions{.density = 0.1, .values = SignOptions{}}},
      {"rand_k_fp16", RandKOptions{.density = 0.3, .values = Fp16Options{}}},
      {"rand_k_fp8_e4m3", RandKOptions{.density = 0.3, .values = Fp8E4M3Options{}}},
      {"rand_k_sign",
       RandKOptions{.density = 0.5, .unbiased = false, .values = SignOptions{.bucket = 128}}},
  };
}

}  // namespace laconic
