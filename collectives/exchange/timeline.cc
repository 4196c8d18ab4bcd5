#include "collectives/exchange/timeline.h"

#include <algorithm>

namespace laconic {

ExchangeTimes Timeline::split(double finish) const {
  ExchangeTimes times;
  for (const Span& span : spans_) {
    if (span.activity == Activity::send) continue;
    const double shown = std::max(0.0, span.end - std::max(span.begin, finish));
    times.hidden += span.end - span.begin - shown;
    switch (span.activity) {
      case Activity::compress:
        times.compress += shown;
        break;
      case Activity::wait:
        times.wait += shown;
        break;
      case Activity::decode:
        times.decode += shown;
        break;
      case Activity::send:
        break;
    }
  }
  return times;
}

}  // namespace laconic
