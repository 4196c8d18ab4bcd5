#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <vector>

#include "base/types.h"

/// Ratios of one piece of work to another in the same run: machines are noisy, and what slows one
/// of two neighbours down slows the other too.
namespace laconic {

/// Runs both in turn; reports the time of `work`, and as counters the median of its ratio to
/// `other` and the quartiles around it. Both run once untimed, so that all memory has been touched.
template <typename Work, typename Other>
void time_against(benchmark::State& state, const Work& work, const Other& other) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](const auto& run) {
    const auto begin = Clock::now();
    run();
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  work(), other();
  std::vector<double> ratios;
  for (auto _ : state) {
    const double base = seconds(other), own = seconds(work);
    state.SetIterationTime(own);
    ratios.push_back(own / base);
  }
  std::ranges::sort(ratios);
  const auto quantile = [&ratios](double q) {
    return ratios[static_cast<std::size_t>(q * static_cast<double>(ratios.size() - 1) + 0.5)];
  };
  state.counters["ratio"] = quantile(0.5);
  state.counters["q25"] = quantile(0.25);
  state.counters["q75"] = quantile(0.75);
}

/// One read of the vector, at the speed of memory.
inline float sum_of(Floats v) {
  constexpr std::size_t kLanes = 64;
  float lane[kLanes] = {};
  for (std::size_t i = 0; i + kLanes <= v.size(); i += kLanes)
    for (std::size_t j = 0; j < kLanes; ++j) lane[j] += v[i + j];
  return std::accumulate(lane, lane + kLanes, 0.0f);
}

/// A copy of as many floats, the usual other: memory read once and written once.
class Memcpy {
 public:
  explicit Memcpy(std::size_t count) : from_(count, 1.0f), to_(count) {}
  void operator()() const {
    std::memcpy(to_.data(), from_.data(), from_.size() * sizeof(float));
    benchmark::DoNotOptimize(to_.data());
    benchmark::ClobberMemory();
  }

 private:
  std::vector<float> from_;
  mutable std::vector<float> to_;
};

}  // namespace laconic
