#pragma once

#include "base/state.h"
#include "collectives/exchange/flight.h"
#include "collectives/exchange/round.h"

namespace laconic {

/// What a kind of exchange does with one bucket, cut into stages at the points where it waits for
/// others. The pipeline (pipeline.h) decides when each is run; a stage never waits for what it
/// posted itself, but leaves that to a later one.
///
/// On every rank each stage is run once for every bucket, in the order of the plan and by one
/// thread; stages of different buckets take turns. Messages of different stages to one peer
/// therefore need channels of their own, messages of one stage find their buckets by order.
class Stages {
 public:
  virtual ~Stages() = default;

  virtual std::size_t count() const = 0;

  /// Buckets that may be between their first stage and their landing: as many as there is memory
  /// for, at least 1.
  virtual std::size_t in_flight() const = 0;

  virtual void run(std::size_t stage, Flight& flight, const Round& round) = 0;

  /// Residuals, in flat coordinates. Between rounds.
  virtual void save(StateWriter& writer) const = 0;
  virtual void load(StateReader& reader) = 0;

  /// As Exchange::feedback_norms.
  virtual FeedbackNorms feedback_norms() const { return {}; }

  /// As Exchange::release.
  virtual void release(MutFloats into) = 0;
};

}  // namespace laconic
