#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "collectives/exchange_options.h"
#include "compressors/compressor.h"

namespace laconic {

/// Whether it has a density that could fall to its own from 1/4.
bool can_warm_up(const CompressorOptions& options);

/// Which compressor a step uses: the one of the options, and while the density warms up one of its
/// denser kin. A function of the step alone, so that ranks agree and a resume needs nothing.
class CompressorSchedule {
 public:
  /// Throws ConfigError if the options are out of range, or warm up what has no density below 1/4.
  CompressorSchedule(const CompressorOptions& options, const FrameOptions& frame,
                     const WarmUpOptions& warm_up);

  const Compressor& at(std::uint64_t step) const;

  /// No frame of `count` elements is longer, at any step.
  std::size_t max_bytes(std::size_t count) const;

  /// Whether some coordinates are sent and not others, at every step.
  bool sparse() const;

  /// Whether error feedback keeps residuals of `count` elements bounded, at every step.
  bool contractive(std::size_t count) const;

 private:
  std::uint64_t warm_up_steps_;
  std::vector<std::unique_ptr<const Compressor>> stages_;  // the last is for good
};

}  // namespace laconic
