#pragma once

#include <cstdint>
#include <memory>

#include "nn/network.h"

namespace laconic {

struct TransformerOptions {
  std::uint32_t context = 64;  ///< Characters that a prediction can look back on.
  std::uint32_t width = 64;    ///< Of an embedding.
  std::uint32_t layers = 2;
  std::uint32_t heads = 4;  ///< A divisor of the width.
};

/// Where the parameter that an adversary holds stands among the transformer's.
inline constexpr std::size_t kPerturbation = 1;

/// A decoder (Vaswani et al., NeurIPS 2017, with the normalisation before each part): from symbols
/// [n, context] of an alphabet, int64, to logits [n * context, alphabet] of the symbol after each.
/// A symbol's embedding is normalised to length sqrt(width), and then the perturbation, one of each
/// symbol's, is added: a perturbation cannot be outgrown by longer embeddings. Throws ConfigError.
std::unique_ptr<Network> make_transformer(const TransformerOptions& options,
                                          std::uint32_t alphabet);

}  // namespace laconic
