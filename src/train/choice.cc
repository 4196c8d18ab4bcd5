#include "train/choice.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <mutex>

#include "base/clock.h"
#include "collectives/allreduce.h"
#include "collectives/control.h"
#include "collectives/exchange_cost.h"
#include "train/names.h"

namespace laconic {
namespace {

constexpr double kComputeSeconds = 0.3;
constexpr int kMostEvaluations = 20;
constexpr double kWorthIt = 0.9;  // of the time that a step takes else
constexpr double kDrift = 1.5;

constexpr double kNever = std::numeric_limits<double>::infinity();

/// The slowest rank's.
double over_ranks(Transport& transport, double mine) {
  double most = 0, theirs = 0;
  for (const auto& bytes :
       allgather(transport, std::as_bytes(std::span(&mine, 1)), channels::control)) {
    std::memcpy(&theirs, bytes.data(), sizeof theirs);
    most = std::max(most, theirs);
  }
  return most;
}

/// Gradients at a point, and when their parts were final in the last of them. The first, which
/// makes room for things, does not count.
Computation measure_computation(Oracle& oracle, Floats at, const Sample& sample,
                                Transport& transport, MutFloats gradient) {
  Computation last;
  std::mutex mutex;
  std::vector<double> times;
  barrier(transport, channels::control);
  for (const Stopwatch all;
       times.size() < 2 || (all.seconds() < kComputeSeconds && times.size() < kMostEvaluations);) {
    last.announced.clear();
    const Stopwatch watch;
    oracle.evaluate(at, sample, gradient, [&](Slice part) {
      const std::lock_guard lock(mutex);
      last.announced.push_back({part, watch.seconds()});
    });
    times.push_back(last.seconds = watch.seconds());
  }
  std::sort(times.begin() + 1, times.end());
  const double median = over_ranks(transport, times[times.size() / 2]);
  for (auto& announcement : last.announced) announcement.seconds *= median / last.seconds;
  last.seconds = median;
  return last;
}

bool is_dense(const ExchangeOptions& options) {
  return std::holds_alternative<DenseOptions>(options.kind);
}

std::string milliseconds(double seconds) { return fmt::format("{:.3g} ms", seconds * 1e3); }

/// The least of those that `count`; their number where there is none.
template <typename Counts>
std::size_t least(const std::vector<double>& seconds, const Counts& count) {
  std::size_t best = seconds.size();
  for (std::size_t i = 0; i < seconds.size(); ++i)
    if (count(i) && (best == seconds.size() || seconds[i] < seconds[best])) best = i;
  return best;
}

/// `dense`: the best allreduce, allowed or not.
void decide(const AutoOptions& options, std::optional<std::size_t> current, Forecast& f) {
  const auto& allowed = options.allowed;
  const std::size_t none = allowed.size();
  const auto plain = least(f.seconds, [&](std::size_t i) { return is_dense(allowed[i]); });
  const auto lossy = least(f.seconds, [&](std::size_t i) { return !is_dense(allowed[i]); });
  const bool compresses =
      plain == none || (lossy != none && f.seconds[lossy] < kWorthIt * f.seconds[plain]);
  f.choice = compresses ? lossy : plain;
  if (current && f.seconds[f.choice] > kWorthIt * f.seconds[*current]) f.choice = *current;
  f.reason = fmt::format("AUTO: {}: {} a step", exchange_name(allowed[f.choice]),
                         milliseconds(f.seconds[f.choice]));
  if (!is_dense(allowed[f.choice]))
    f.reason += fmt::format(", dense {}", milliseconds(f.dense_seconds));
  else if (lossy != none)
    f.reason +=
        fmt::format("; {}: {}", exchange_name(allowed[lossy]), milliseconds(f.seconds[lossy]));
}

/// The best allreduce for one bucket for all and after the computation, where none was allowed.
double dense_seconds(const AutoOptions& options, const Forecast& forecast, std::size_t floats,
                     const Computation& computation, const LinkModel& links) {
  const auto plain =
      least(forecast.seconds, [&](std::size_t i) { return is_dense(options.allowed[i]); });
  if (plain != options.allowed.size()) return forecast.seconds[plain];
  return computation.seconds + predict_seconds(fastest_allreduce(floats, links), floats, links);
}

}  // namespace

Forecast choose_exchange(const AutoOptions& options, std::optional<std::size_t> current,
                         Oracle& oracle, Floats at, const Sample& sample, Transport& transport,
                         const LinkModel& links) {
  StateWriter kept;
  oracle.save(kept);
  std::vector<float> gradient(at.size());
  const Computation computation = measure_computation(oracle, at, sample, transport, gradient);
  StateReader reader(kept.blob(), "memory");
  oracle.load(reader);

  Forecast forecast;
  for (const ExchangeOptions& allowed : options.allowed) {
    const ExchangeCost cost(allowed, oracle.layout(), links, gradient);
    forecast.seconds.push_back(transport.rank() == 0 ? cost.step_seconds(links, computation)
                                                     : kNever);
  }
  if (transport.rank() == 0) {
    forecast.dense_seconds = dense_seconds(options, forecast, at.size(), computation, links);
    decide(options, current, forecast);
    forecast.reason +=
        fmt::format(" (computation {}; {})", milliseconds(computation.seconds), describe(links));
  }
  const double said[] = {static_cast<double>(forecast.choice), forecast.dense_seconds};
  double heard[2];
  const auto numbers = broadcast(transport, std::as_bytes(std::span(said)), channels::control);
  std::memcpy(heard, numbers.data(), sizeof heard);
  forecast.choice = static_cast<std::size_t>(heard[0]);
  forecast.dense_seconds = heard[1];
  const auto reason = broadcast(transport, std::as_bytes(std::span<const char>(forecast.reason)),
                                channels::control);
  forecast.reason.assign(reinterpret_cast<const char*>(reason.data()), reason.size());
  return forecast;
}

bool Drift::hear(double seconds) {
  if (pause_ > 0) {
    --pause_;
    return false;
  }
  if (usual_ == 0) {
    usual_ = seconds;
    return false;
  }
  const bool other = seconds > kDrift * usual_ || usual_ > kDrift * seconds;
  in_a_row_ = other ? in_a_row_ + 1 : 0;
  return in_a_row_ >= 2;
}

void Drift::looked(bool found) {
  usual_ = 0, in_a_row_ = 0;
  if (found) {
    pause_ = 0, next_pause_ = 8;
  } else {
    pause_ = next_pause_;
    next_pause_ *= 2;
  }
}

}  // namespace laconic
