#pragma once

#include <span>
#include <vector>

#include "collectives/exchange/residual.h"
#include "collectives/exchange/round.h"
#include "collectives/exchange_options.h"

namespace laconic {

/// What a rank does to its own gradient before anything is compressed (Lin et al., Deep Gradient
/// Compression, ICLR 2018, §3): clips it, and adds it to a momentum of the rank's own,
///   u = momentum * u + gradient,
/// which is sent in its place; where a coordinate of u has been sent, it begins again at 0 (factor
/// masking), so that what is old does not push twice.
class LocalCorrection {
 public:
  /// For the elements of `own`. `masks`: whether what is sent is some coordinates and not others.
  LocalCorrection(const LocalOptions& options, bool masks, std::span<const Slice> own);

  /// What to compress in place of `gradient`, which stands for `where`, all of it or a slice that
  /// is compressed by itself. Valid until the next call; `gradient` itself where there is nothing
  /// to do.
  Floats correct(Floats gradient, Slice where, const Round& round);

  /// Some coordinates of `where` were sent: those at `indices`, or those where `sent` is not 0.
  void mask(Slice where, std::span<const std::uint32_t> indices);
  void mask(Slice where, Floats sent);
  bool masks() const { return masks_; }

  /// In a scope of its own, where there is momentum.
  void save(StateWriter& writer) const;
  void load(StateReader& reader);

 private:
  const LocalOptions options_;
  const bool masks_;
  Residual velocity_;  // of nothing without momentum
  std::vector<float> clipped_;
};

}  // namespace laconic
