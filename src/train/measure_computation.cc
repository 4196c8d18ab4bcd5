#include "train/measure_computation.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <thread>

#include "base/check.h"
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

using Announced = std::vector<Computation::Announcement>;

/// Gradients one after the other; the first, which makes room for things, does not count.
struct Evaluations {
  std::vector<double> seconds;
  std::vector<Announced> announced;  // by gradient
};

Evaluations time_gradients(const std::function<Announced()>& evaluate) {
  Evaluations all;
  evaluate();
  for (const Stopwatch watch; all.seconds.empty() || (watch.seconds() < kSeconds &&
                                                      all.seconds.size() < kMostEvaluations);) {
    const Stopwatch one;
    all.announced.push_back(evaluate());
    all.seconds.push_back(one.seconds());
  }
  return all;
}

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// When each part is final in a gradient that takes `whole`: the median over evaluations, each of
/// which announces the same parts in the same order.
Announced typical(const Evaluations& all, double whole) {
  Announced typical = all.announced.back();
  for (std::size_t i = 0; i < typical.size(); ++i) {
    std::vector<double> shares;
    for (std::size_t e = 0; e < all.announced.size(); ++e) {
      check(all.announced[e].size() == typical.size(),
            "an oracle announces the same parts each time");
      shares.push_back(all.announced[e][i].seconds / all.seconds[e]);
    }
    typical[i].seconds = median(std::move(shares)) * whole;
  }
  return typical;
}

}  // namespace

Computation measure_computation(Oracle& oracle, Floats at, const Sample& sample,
                                Transport& transport, MutFloats gradient) {
  std::mutex mutex;
  const auto evaluate = [&] {
    Announced announced;
    const Stopwatch watch;
    oracle.evaluate(at, sample, gradient, [&](Slice part) {
      const std::lock_guard lock(mutex);
      announced.push_back({part, watch.seconds()});
    });
    return announced;
  };
  barrier(transport, channels::control);
  const Evaluations undisturbed = time_gradients(evaluate);
  const double alone = over_ranks(transport, median(undisturbed.seconds));

  barrier(transport, channels::control);
  Competitor competitor(at);
  const Stopwatch all;
  const double beside = over_ranks(transport, median(time_gradients(evaluate).seconds));
  const double share = over_ranks(transport, competitor.end() / all.seconds());
  // Gradients may be over before anything has run beside them: then nothing is known against it.
  const double contention = share > 0 ? std::max(0.0, beside - alone) / (share * beside) : 0;
  return {.seconds = alone, .announced = typical(undisturbed, alone), .contention = contention};
}

}  // namespace laconic
