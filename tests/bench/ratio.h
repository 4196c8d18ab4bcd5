#pragma once

#include <benchmark/benchmark.h>

#include <cstring>
#include <numeric>
#include <vector>

#include "base/types.h"
#include "launcher/bench/timing.h"

/// launcher/bench/timing.h in the words of Google Benchmark.
namespace laconic {

/// Runs both in turn; reports the time of `work`, and as counters the median of its ratio to
/// `other` and the quartiles around it. Both run once untimed, so that all memory has been touched.
template <typename Work, typename Other>
void time_against(benchmark::State& state, const Work& work, const Other& other) {
  const bench::Work own{work}, reference{other};
  work(), other();
  std::vector<double> times, references;
  for (auto _ : state) {
    references.push_back(bench::seconds_of(reference));
    times.push_back(bench::seconds_of(own));
    state.SetIterationTime(times.back());
  }
  const bench::Spread ratio = bench::ratios(times, references);
  state.counters["ratio"] = ratio.median;
  state.counters["q25"] = ratio.lower;
  state.counters["q75"] = ratio.upper;
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
