#pragma once

#include <cstdint>

#include "base/types.h"

/// The discrete cosine transform of blocks of 64, sixteen blocks at a time:
///
///   X[k] = s(k) sum over i of x[i] cos(pi (2i + 1) k / 128),   s(0) = sqrt(1/64), else sqrt(2/64)
///
/// which is orthonormal: norms stay, and the inverse is the transpose. The same bits on every SIMD
/// target.
namespace laconic::kernels {

inline constexpr std::size_t kDctBlock = 64;
inline constexpr std::size_t kDctBlocks = 16;  ///< At a time.
inline constexpr std::size_t kDctTile = kDctBlock * kDctBlocks;

/// Coefficients of a tile stand side by side, those of one k of all blocks: where the one is that
/// belongs at `position` of the tile.
constexpr std::size_t dct_place(std::size_t position) {
  return position % kDctBlock * kDctBlocks + position / kDctBlock;
}

/// X of `in`, a tile long, side by side; the k largest magnitudes of each block, ties to the lowest
/// index, are the ones of chosen[block].
void dct_choose(const float* in, std::size_t k, float* out, std::uint64_t chosen[kDctBlocks]);

/// x of X, a tile long, which is side by side.
void inverse_dct(const float* in, float* out);

}  // namespace laconic::kernels
