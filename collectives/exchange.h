#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "base/state.h"
#include "base/step.h"
#include "base/types.h"
#include "collectives/transport.h"
#include "compressors/options.h"

namespace laconic {

/// Where an exchange spent its time since it was last asked, in seconds.
struct ExchangeTimes {
  double compress = 0;
  double wait = 0;
  double decode = 0;
};

/// "Average this vector over the group", compressed or not. Owns its residuals. One thread calls
/// begin and finish; ready() may come from any.
class Exchange {
 public:
  virtual ~Exchange() = default;

  /// Starts a round. `vector` (and `sent`, if not empty) are borrowed until finish(), and as long
  /// as the length of the layout. `sent` receives this rank's own contribution as the others decode
  /// it.
  virtual void begin(MutFloats vector, MutFloats sent, const Step& step) = 0;

  /// This part of the vector is final. Never blocks: only marks.
  virtual void ready(Slice part) noexcept = 0;

  /// The rest is ready too. When it returns, vector holds the average over the participants, the
  /// same bits on every rank. Rethrows what went wrong meanwhile.
  virtual void finish() = 0;

  /// Residuals in flat coordinates, whatever the buckets. Between finish() and begin() only.
  virtual void save(StateWriter& writer) const = 0;
  virtual void load(StateReader& reader) = 0;

  /// Seconds since the last call, which it resets.
  virtual ExchangeTimes take_times() = 0;
};

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
  FeedbackOptions feedback;
  WarmUpOptions warm_up;
  std::size_t bucket_bytes = std::size_t{1} << 20;  ///< Of floats, before compression.
};

/// `transport` and `layout` must outlive it. Throws ConfigError where the options do not fit.
std::unique_ptr<Exchange> make_exchange(const ExchangeOptions& options, Transport& transport,
                                        const Layout& layout);

}  // namespace laconic
