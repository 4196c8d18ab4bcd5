#pragma once

#include <cstddef>
#include <memory>
#include <variant>

#include "base/state.h"
#include "base/types.h"
#include "compressors/compressor.h"

namespace laconic {

/// A compressor whose payloads are plain floats, the same number on every rank, and whose sum is
/// the payload of the sum: any allreduce may average them, and nothing is decoded per peer.
///
/// One step is, for round = 0 .. rounds() - 1 in order: project(round), an allreduce that averages
/// the payload, absorb(round); then reconstruct. Has state (PowerSGD starts from the last step's
/// factors), so each rank has one for each bucket, used by one thread at a time. All ranks make the
/// same calls with the same shared key and absorb the same bits, and so stay in step.
class LinearCompressor {
 public:
  virtual ~LinearCompressor() = default;

  /// Averages needed in a step; fixed.
  virtual int rounds() const = 0;

  /// Length of the payload of this step's `round`, the same on every rank. May differ between
  /// steps (a PowerSGD with one round sends its sides in turn): ask before each project.
  virtual std::size_t floats(int round) const = 0;

  /// Fills `payload`, floats(round) long, from `in`, as long as the layout and the same vector in
  /// all rounds of a step. Throws NumericError if the payload would not be finite.
  virtual void project(int round, Floats in, MutFloats payload, const Site& site) = 0;

  /// Takes the average of all ranks' payloads of `round`.
  virtual void absorb(int round, Floats mean) = 0;

  /// After the last absorb, until the next project: `mean` becomes the average that all ranks
  /// share, `sent` this rank's own part in it (the mean of all ranks' `sent` is `mean`), which
  /// error feedback takes off the residual. Each as long as the layout; `sent` may be empty.
  virtual void reconstruct(MutFloats mean, MutFloats sent) const = 0;

  /// Between reconstruct and the next project.
  virtual void save(StateWriter& writer) const = 0;
  virtual void load(StateReader& reader) = 0;
};

/// Low-rank factors by power iteration (Vogels et al., PowerSGD, NeurIPS 2019).
struct PowerSgdOptions {
  int rank = 2;    ///< Columns of each factor, at least 1.
  int rounds = 2;  ///< 2: both factors each step, as in the paper. 1: one of them, in turn, which
                   ///< halves the bytes (the authors' later version).
};

/// k coordinates that all ranks draw from the shared key.
struct LinearRandKOptions {
  double density = 0.01;  ///< Kept part of the bucket, in (0, 1]; k as in TopKOptions.
  bool unbiased = true;   ///< Scale by n / k. Off: contractive, which error feedback wants.
};

using LinearCompressorOptions = std::variant<PowerSgdOptions, LinearRandKOptions>;

/// For the bucket that `layout` describes; its first tensor is where `in` begins. Throws
/// ConfigError with the field's name alone ("rank") where an option is out of range.
std::unique_ptr<LinearCompressor> make_linear_compressor(const LinearCompressorOptions& options,
                                                         const Layout& layout);

}  // namespace laconic
