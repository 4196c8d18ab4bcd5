#pragma once

#include <memory>
#include <vector>

#include "base/pieces.h"
#include "base/state.h"
#include "base/step.h"
#include "base/types.h"
#include "collectives/exchange_options.h"
#include "collectives/transport.h"

namespace laconic {

enum class Activity : std::uint8_t { compress, wait, decode, send };

/// One thing that an exchange did for one bucket; begin and end as now() has them.
struct Span {
  Activity activity;
  std::size_t bucket;  ///< Its place in the plan.
  double begin, end;
};

/// How error feedback does, on a step now and then: squares of what this rank keeps back of its own
/// vectors, and of these vectors. 0 where nothing is kept back.
struct FeedbackNorms {
  double residual_square = 0, gradient_square = 0;
};

/// Where an exchange spent its time, in seconds. What it did after finish() was called is what a
/// step takes longer for it; what it did before was hidden behind the computation.
struct ExchangeTimes {
  double compress = 0;
  double wait = 0;
  double decode = 0;
  double hidden = 0;

  ExchangeTimes& operator+=(const ExchangeTimes& other);
};

/// "Average this vector over the group", compressed or not. Owns its residuals. One thread calls
/// begin and finish; ready() may come from any. Between the two the exchange may use the transport
/// from a thread of its own, and nobody else does, another exchange neither.
class Exchange {
 public:
  virtual ~Exchange() = default;

  /// Starts a round. `vector` (and `sent`, if not empty) are borrowed until finish(), and as long
  /// as the length of the layout. `sent` receives this rank's own contribution as the others decode
  /// it.
  virtual void begin(MutFloats vector, MutFloats sent, const Step& step) = 0;

  /// This part of the vector is final; no part is announced twice in a round. Never blocks: only
  /// marks.
  virtual void ready(Slice part) noexcept = 0;

  /// The rest is ready too. When it returns, vector holds the average over the participants, the
  /// same bits on every rank. Rethrows what went wrong meanwhile.
  virtual void finish() = 0;

  /// The same, but the average is what it returns, until the next begin(), and what `vector` holds
  /// means nothing. Of a sparse average there are no passes over memory for its zeros.
  virtual const Pieces& finish_in_pieces() = 0;

  /// Ends a round that finish() will not end, since something else went wrong: afterwards nobody
  /// uses what begin() borrowed. The group does not survive it. Without a round: nothing.
  virtual void abandon() noexcept = 0;

  /// Residuals in flat coordinates, whatever the buckets. Between finish() and begin() only.
  virtual void save(StateWriter& writer) const = 0;
  virtual void load(StateReader& reader) = 0;

  /// Ends what goes on between rounds (exchange.late): afterwards the exchange does not use the
  /// transport until the next finish(). Between finish() and begin() only.
  virtual void drain() {}

  /// Adds to `into`, as long as the layout, what this rank has kept back, so that the mean over all
  /// ranks of what is added is what the group still owes; afterwards nothing is kept. Between
  /// finish() and begin() only.
  virtual void release(MutFloats into) = 0;

  /// Seconds since the last call, which it resets.
  virtual ExchangeTimes take_times() = 0;

  /// Of the last step on which they were taken.
  virtual FeedbackNorms feedback_norms() const { return {}; }

  /// What was done since the last call, where the options say that it is to be kept.
  virtual std::vector<Span> take_spans() { return {}; }
};

/// `transport` and `layout` must outlive it. Throws ConfigError where the options do not fit.
std::unique_ptr<Exchange> make_exchange(const ExchangeOptions& options, Transport& transport,
                                        const Layout& layout);

}  // namespace laconic
