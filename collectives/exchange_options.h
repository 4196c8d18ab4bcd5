#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "collectives/transport.h"
#include "compressors/linear_compressor.h"
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

/// Every rank owns a shard of each bucket: it gets all payloads of it, adds them up, and sends the
/// compressed average of it to all.
struct OwnerOptions {};

/// As owner, with one rank that owns everything.
struct StarOptions {
  int hub = 0;
};

/// An allreduce of what a linear compressor makes of the vectors.
struct LinearOptions {
  LinearCompressorOptions compressor = PowerSgdOptions{};
  std::string allreduce = "ring";
};

/// An allreduce of sparse lists that are merged on the way.
struct SparseDoublingOptions {};

/// Dense inside a node, gathered compressed between nodes.
struct HierarchicalOptions {
  int ranks_per_node = 0;  ///< Consecutive ones; 0: as Transport::host_of says.
};

using ExchangeKind = std::variant<DenseOptions, GatherOptions, OwnerOptions, StarOptions,
                                  LinearOptions, SparseDoublingOptions, HierarchicalOptions>;

/// How a lossy leg compresses.
struct LegOptions {
  CompressorOptions compressor = TopKOptions{};
  FeedbackOptions feedback = {};
};

/// What a rank does to its own gradient before it is compressed.
struct LocalOptions {
  float momentum = 0;          ///< In [0, 1); 0: none.
  bool factor_masking = true;  ///< Momentum begins again where a sparsifier has sent a coordinate.
  float clip =
      0;  ///< Times 1/sqrt(ranks) the largest norm of what is compressed together; 0: none.
};

/// Dense has no use for what the compressed exchanges share.
struct ExchangeOptions {
  ExchangeKind kind = DenseOptions{};
  CompressorOptions compressor = TopKOptions{};  ///< Of what each rank sends of its own.
  FrameOptions frame = {};
  FeedbackOptions feedback = {};
  LocalOptions local = {};
  WarmUpOptions warm_up = {};      ///< Of both legs, where they have a density that can fall.
  std::optional<LegOptions> down;  ///< Of averages on their way back; empty: as the way there.
  bool overlap = true;  ///< Buckets go on their way while others are still computed: the same bits.
  bool late = false;    ///< Averages come a step late, and the network has a step to work under.
  bool trace = false;   ///< Keep what was done when, for take_spans().
  std::size_t bucket_bytes = std::size_t{1} << 20;  ///< Of floats, before compression.
  /// The first of two that it uses. Exchanges of one transport need channels of their own.
  std::uint16_t channel = channels::exchange;
};

/// Whether averages are compressed on their way back too.
inline bool has_two_legs(const ExchangeOptions& options) {
  return std::holds_alternative<OwnerOptions>(options.kind) ||
         std::holds_alternative<StarOptions>(options.kind);
}

}  // namespace laconic
