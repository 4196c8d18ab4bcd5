#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "collectives/exchange.h"

namespace laconic {

/// What an exchange did in a round, and when: one record, of which both the split of a step's time
/// and a trace are made. Used by one thread at a time.
class Timeline {
 public:
  /// Lives as long as what it times.
  class Timed {
   public:
    Timed(Timeline& timeline, Activity activity, std::size_t bucket)
        : timeline_(timeline), span_{activity, bucket, now(), 0} {}
    ~Timed() {
      span_.end = now();
      timeline_.spans_.push_back(span_);
    }
    Timed(const Timed&) = delete;
    Timed& operator=(const Timed&) = delete;

   private:
    Timeline& timeline_;
    Span span_;
  };

  void add(const Span& span) { spans_.push_back(span); }

  const std::vector<Span>& spans() const { return spans_; }
  void clear() { spans_.clear(); }

  /// What of it lay before `finish`, hidden behind the computation, and what after; messages on
  /// their way are nobody's time.
  ExchangeTimes split(double finish) const;

 private:
  std::vector<Span> spans_;
};

}  // namespace laconic
