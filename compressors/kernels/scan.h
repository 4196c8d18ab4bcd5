#pragma once

#include <bit>
#include <cstdint>

#include "compressors/compressor.h"
#include "compressors/kernels/positions.h"

/// Where in a vector the large magnitudes are. Magnitudes are compared as the bits of |x|, which
/// order as the numbers do; ±inf and NaN come last, so nothing hides them.
namespace laconic::kernels {

inline constexpr std::uint32_t kInfinityKey = 0x7f800000;

inline std::uint32_t magnitude_key(float x) { return std::bit_cast<std::uint32_t>(x) & 0x7fffffff; }

/// Writes base + i, ascending, for all in[i] whose key is at least `least`, which is above zero;
/// returns how many. `out` has room for in.size() + kPositionSlack.
std::size_t scan(Floats in, std::uint32_t least, std::uint32_t base, std::uint32_t* out);

/// residual = decay * residual + scale * gradient, each product rounded, then the sum; and scan of
/// it.
std::size_t scan_feedback(Floats gradient, MutFloats residual, Feedback feedback,
                          std::uint32_t least, std::uint32_t base, std::uint32_t* out);

}  // namespace laconic::kernels
