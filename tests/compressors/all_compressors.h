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
  using enum ValueFormat;
  return {
      {"identity", IdentityOptions{}},
      {"top_k_1pc", TopKOptions{.density = 0.01}},
      {"top_k_10pc_bf16", TopKOptions{.density = 0.1, .values = bf16}},
      {"top_k_45pc", TopKOptions{.density = 0.45}},
      {"top_k_all", TopKOptions{.density = 1}},
      {"top_k_raw32", TopKOptions{.density = 0.05, .indices = IndexCoding::raw32}},
      {"rand_k", RandKOptions{.density = 0.1}},
      {"rand_k_bf16", RandKOptions{.density = 0.3, .values = bf16}},
      {"rand_k_contractive", RandKOptions{.density = 0.7, .unbiased = false, .shared = false}},
  };
}

}  // namespace laconic
