#include "train/auto_pilot.h"

#include <fmt/core.h>

#include <cstring>

#include "collectives/control.h"
#include "train/config.h"
#include "train/durable_file.h"
#include "train/names.h"

namespace laconic {
namespace {

/// Steps whose exchanges are looked at together for whether links have changed.
constexpr std::uint64_t kDriftSteps = 20;

}  // namespace

AutoPilot::AutoPilot(const Run& run)
    : run_(run), options_(*run.experiment.automatic), dense_step_seconds_(kUnknown) {}

const ExchangeOptions& AutoPilot::in_use() const {
  return run_.automatic->allowed()[run_.automatic->choice()];
}

std::string AutoPilot::name() const { return "auto: " + exchange_name(in_use()); }

void AutoPilot::take_up(std::uint64_t steps) {
  decisions_ = options_.decided;
  const bool resumed = steps > 0;
  if (resumed && (decisions_.empty() || decisions_.front().step > steps))
    decisions_.insert(decisions_.begin(), {0, run_.automatic->choice()});
  const auto told =
      broadcast(run_.transport, std::as_bytes(std::span(decisions_)), channels::control);
  decisions_.resize(told.size() / sizeof(Decision));
  std::memcpy(decisions_.data(), told.data(), told.size());
  follows_ = !resumed && !decisions_.empty();
  if (decisions_.empty() || decisions_.front().step > 0)
    decide(steps);
  else
    follow(steps);
}

void AutoPilot::decide(std::uint64_t steps) {
  const auto current =
      steps == 0 ? std::nullopt : std::optional<std::size_t>(run_.automatic->choice());
  const LinkModel links = measure_links(run_.transport, kLinkSeconds);
  const Forecast forecast = choose_exchange(
      options_, current, run_.oracle, run_.method.parameters(),
      {.draw = steps, .size = batch_of(run_.experiment.method)}, run_.transport, links);
  const bool another = forecast.choice != current;
  if (another) decisions_.push_back({steps, forecast.choice});
  dense_step_seconds_ = forecast.dense_seconds;
  drift_.looked(another);
  heard_.clear();
  asks_ = false;
  if (run_.transport.rank() == 0) {
    run_.log->info("{}", forecast.reason);
    if (run_.progress) fmt::print(stderr, "{}\n", forecast.reason);
    write_durably(run_.out / "config.textproto", text_with(run_.experiment, decisions_));
  }
  follow(steps);
}

bool AutoPilot::follow(std::uint64_t steps) {
  const std::size_t before = run_.automatic->choice();
  for (const Decision& decision : decisions_)
    if (decision.step <= steps) run_.automatic->choose(decision.choice);
  return run_.automatic->choice() != before;
}

void AutoPilot::hear(const std::vector<Digest>& digests) {
  if (!options_.look_again || follows_) return;
  if (heard_.empty()) heard_ = digests;
  const std::uint64_t steps = digests[0].step - heard_[0].step;
  if (steps < kDriftSteps) return;
  double seconds = 0;
  for (std::size_t r = 0; r < digests.size(); ++r)
    seconds += digests[r].exchange_seconds() - heard_[r].exchange_seconds();
  heard_ = digests;
  asks_ |= drift_.hear(seconds / static_cast<double>(steps * digests.size()));
}

}  // namespace laconic
