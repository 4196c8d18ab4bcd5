#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "collectives/transport.h"
#include "compressors/options.h"

/// What an exchange is to be: one plain struct a kind, one alternative in the variant.
namespace laconic {

/// Error feedback on one lossy leg.
struct FeedbackOptions {
  bool on = true;
  float scale = 1;  ///< What the gradient is multiplied by before it is added to the residual.
  float decay = 1;  ///< What is kept of the residual at each step, in [0, 1].
};

/// The density of a sparsifier falls from 1/4 to its own over the first steps, by the same factor
/// at each of a few stages (Deep Gradient Compression, Lin et al. 2018, §3.3).
struct WarmUpOptions {
  std::uint64_t steps = 0;  ///< 0: off.
  int stages = 4;
};

/// Sums dense vectors by an allreduce.
struct DenseOptions {
  std::string allreduce = "ring";
};

/// Every rank gets every other rank's payload and adds them up in rank order.
struct GatherOptions {};

/// The compressed exchanges share compressor, error feedback and warm-up; dense has no use for
/// them.
struct ExchangeOptions {
  std::variant<DenseOptions, GatherOptions> kind = DenseOptions{};
  CompressorOptions compressor = TopKOptions{};
  FrameOptions frame = {};
  FeedbackOptions feedback = {};
  WarmUpOptions warm_up = {};
  std::size_t bucket_bytes = std::size_t{1} << 20;  ///< Of floats, before compression.
  /// Exchanges of one transport whose rounds overlap in time need channels of their own.
  std::uint16_t channel = channels::exchange;
};

}  // namespace laconic
