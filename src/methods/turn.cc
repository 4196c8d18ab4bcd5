#include "methods/turn.h"

#include <algorithm>

namespace laconic {

double Turn::evaluate(Floats at, const Sample& sample, MutFloats out) {
  const Stopwatch watch;
  const double loss = oracle_.evaluate(at, sample, out, {});
  report_.compute += watch.seconds();
  return loss;
}

void Turn::average(Exchange& exchange, MutFloats vector, MutFloats sent, const Step& step) {
  exchange.begin(vector, sent, step);
  exchange.finish();
  const ExchangeTimes times = exchange.take_times();
  report_.compress += times.compress;
  report_.wait += times.wait;
  report_.decode += times.decode;
}

Report Turn::report(std::optional<double> loss) const {
  Report report = report_;
  report.loss = loss;
  const double elsewhere = report.compute + report.compress + report.wait + report.decode;
  report.apply = std::max(0.0, watch_.seconds() - elsewhere);
  return report;
}

Step another(const Step& step, std::uint64_t number) {
  return {step.index, derive(step.key, number), step.participants};
}

}  // namespace laconic
