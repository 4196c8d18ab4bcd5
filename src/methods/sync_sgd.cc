#include "methods/sync_sgd.h"

#include <vector>

#include "base/clock.h"
#include "base/errors.h"

namespace laconic {
namespace {

class SyncSgd final : public Method {
 public:
  SyncSgd(const SyncSgdOptions& options, Exchange& exchange, std::vector<float> start)
      : options_(options),
        exchange_(exchange),
        rule_(make_update_rule(options.rule, start.size())),
        x_(std::move(start)),
        gradient_(x_.size()) {
    check_schedule(options.schedule);
  }

  Report step(Oracle& oracle, const Step& step) override {
    if (oracle.has_prox()) throw ConfigError("problem.prox", "expected none with sync_sgd");
    Report report;
    exchange_.begin(gradient_, {}, step);
    Stopwatch watch;
    report.loss = oracle.evaluate(x_, Sample{step.index, options_.batch}, gradient_,
                                  [this](Slice part) { exchange_.ready(part); });
    report.compute = watch.seconds();
    const Pieces& average = exchange_.finish_in_pieces();
    const ExchangeTimes times = exchange_.take_times();
    report.compress = times.compress;
    report.wait = times.wait;
    report.decode = times.decode;
    report.hidden = times.hidden;
    watch.restart();
    const double rate = rate_at(options_.schedule, step.index, options_.steps);
    rule_->apply(average, static_cast<float>(rate), x_);
    report.apply = watch.seconds();
    return report;
  }

  Floats parameters() const override { return x_; }

  void save(StateWriter& writer) const override {
    writer.floats("parameters", x_);
    StateWriter::Scope scope(writer, "rule");
    rule_->save(writer);
  }
  void load(StateReader& reader) override {
    reader.floats("parameters", x_);
    StateReader::Scope scope(reader, "rule");
    rule_->load(reader);
  }

 private:
  SyncSgdOptions options_;
  Exchange& exchange_;
  std::unique_ptr<UpdateRule> rule_;
  std::vector<float> x_, gradient_;  // the same memory for life: an oracle may keep views of it
};

}  // namespace

std::unique_ptr<Method> make_sync_sgd(const SyncSgdOptions& options, Exchange& exchange,
                                      std::vector<float> start) {
  return std::make_unique<SyncSgd>(options, exchange, std::move(start));
}

}  // namespace laconic
