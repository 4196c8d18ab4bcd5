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
