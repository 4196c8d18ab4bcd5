#include "train/choice.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "collectives/allreduce.h"
#include "collectives/control.h"
#include "collectives/exchange_cost.h"
#include "train/measure_computation.h"
#include "train/names.h"

namespace laconic {
namespace {

constexpr double kWorthIt = 0.9;  // of the time that a step takes else
constexpr double kDrift = 1.5;

constexpr double kNever = std::numeric_limits<double>::infinity();

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
                         LinkModel links) {
  StateWriter kept;
  oracle.save(kept);
  std::vector<float> gradient(at.size());
  // Ranks may share memory, but not that in which vectors of a training are (mpi).
  links.shared_memory = topology_of(transport, gradient).shared_memory;
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
        fmt::format(" (computation {}, {:.2g} of what runs beside it; {})",
                    milliseconds(computation.seconds), computation.contention, describe(links));
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

double measure_dense_step(const ExchangeOptions& like, Oracle& oracle, Floats at,
                          const Sample& sample, Transport& transport, const LinkModel& links) {
  AutoOptions dense;
  for (const AllreduceAlgorithm& algorithm : allreduce_algorithms())
    dense.allowed.push_back({.kind = DenseOptions{std::string(algorithm.name)},
                             .overlap = like.overlap,
                             .bucket_bytes = like.bucket_bytes});
  return choose_exchange(dense, {}, oracle, at, sample, transport, links).dense_seconds;
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
