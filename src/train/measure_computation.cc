#include "train/measure_computation.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <thread>

#include "base/clock.h"
#include "collectives/control.h"

namespace laconic {
namespace {

constexpr double kSeconds = 0.3;
constexpr std::size_t kMostEvaluations = 20;

/// The slowest rank's.
double over_ranks(Transport& transport, double mine) {
  return std::ranges::max(allgather_values(transport, mine, channels::control));
}

/// Reads a vector again and again, as an exchange beside the computation would.
class Competitor {
 public:
  explicit Competitor(Floats vector)
      : thread_([this, vector] {
          while (!stop_) sum_ = std::accumulate(vector.begin(), vector.end(), 0.0f);
          seconds_ = processor_seconds();
        }) {}
  ~Competitor() { end(); }

  /// Processor time that it has had.
  double end() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return seconds_;
  }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<float> sum_ = 0;  // somebody might look at it
  double seconds_ = 0;
  std::thread thread_;  // last: it uses all the others
};

/// Gradients one after the other; the first, which makes room for things, does not count.
std::vector<double> time_gradients(const std::function<void()>& evaluate) {
  std::vector<double> times;
  evaluate();
  for (const Stopwatch all;
       times.empty() || (all.seconds() < kSeconds && times.size() < kMostEvaluations);) {
    const Stopwatch watch;
    evaluate();
    times.push_back(watch.seconds());
  }
  return times;
}

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

Computation measure_computation(Oracle& oracle, Floats at, const Sample& sample,
                                Transport& transport, MutFloats gradient) {
  Computation last;
  std::mutex mutex;
  const auto evaluate = [&] {
    last.announced.clear();
    const Stopwatch watch;
    oracle.evaluate(at, sample, gradient, [&](Slice part) {
      const std::lock_guard lock(mutex);
      last.announced.push_back({part, watch.seconds()});
    });
    last.seconds = watch.seconds();
  };
  barrier(transport, channels::control);
  const double alone = over_ranks(transport, median(time_gradients(evaluate)));
  for (auto& announcement : last.announced) announcement.seconds *= alone / last.seconds;
  const auto announced = last.announced;

  barrier(transport, channels::control);
  Competitor competitor(at);
  const Stopwatch all;
  const double beside = over_ranks(transport, median(time_gradients(evaluate)));
  const double share = over_ranks(transport, competitor.end() / all.seconds());
  // Gradients may be over before anything has run beside them: then nothing is known against it.
  const double contention = share > 0 ? std::max(0.0, beside - alone) / (share * beside) : 0;
  return {.seconds = alone, .announced = announced, .contention = contention};
}

}  // namespace laconic
