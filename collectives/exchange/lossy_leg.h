#pragma once

#include <span>
#include <string>

#include "collectives/exchange.h"
#include "collectives/exchange/compressor_schedule.h"
#include "collectives/exchange/local_correction.h"
#include "collectives/exchange/residual.h"
#include "collectives/exchange/round.h"

namespace laconic {

/// One lossy leg of an exchange: by which compressor its frames are written, and what error
/// feedback has kept back of what this rank sent on it.
class LossyLeg {
 public:
  /// A first leg, from each rank, or a second one, of what was summed, with options and random
  /// numbers of its own.
  enum class Way { up, down };

  /// `frames`: the slices that become frames, on whatever rank; `own`: those that this rank writes.
  /// Throws ConfigError where the options do not fit.
  LossyLeg(Way way, const ExchangeOptions& options, std::span<const Slice> frames,
           std::span<const Slice> own);

  /// No frame is longer, at any step.
  std::size_t room() const { return room_; }

  /// Whether it sends some coordinates and not others, with their indices, at every step.
  bool sparse() const { return schedule_.sparse(); }

  const Compressor& compressor(const Round& round) const { return schedule_.at(round.step()); }

  /// Writes the frame of `in`, which stands for `where` of the flat vector, corrected as the
  /// options say and with the residual added where there is error feedback; returns it.
  Bytes encode(Floats in, Slice where, const Round& round, MutBytes frame);

  /// Of the last step on which they were taken: every few steps, since it is a pass over all.
  FeedbackNorms norms() const { return norms_; }

  /// into += times * what is kept back, as if it were gradient; afterwards nothing is kept.
  /// `times`: the number of ranks of which only one keeps it.
  void release(int times, MutFloats into);

  /// In a scope of its own, "up" or "down".
  void save(StateWriter& writer) const;
  void load(StateReader& reader);

 private:
  void take_norms(Floats in, Slice where, const Round& round);
  std::string_view name() const { return way_ == Way::up ? "up" : "down"; }

  const Way way_;
  const FeedbackOptions feedback_;
  const CompressorSchedule schedule_;
  std::size_t room_ = 0;
  LocalCorrection local_;  // on the first leg
  Residual residual_;      // of nothing without error feedback
  Scratch scratch_;
  SparseList kept_;
  FeedbackNorms norms_;
  std::uint64_t norms_of_ = ~std::uint64_t{0};  // the step
};

}  // namespace laconic
