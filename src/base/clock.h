#pragma once

#include <chrono>
#include <ctime>

namespace laconic {

/// Seconds since some fixed moment; never jumps.
inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Seconds of a processor that this thread has had: what others do on it meanwhile does not count.
inline double processor_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Seconds since it was made or last restarted.
class Stopwatch {
 public:
  double seconds() const { return now() - start_; }
  double restart() {
    const double t = now(), passed = t - start_;
    start_ = t;
    return passed;
  }

 private:
  double start_ = now();
};

}  // namespace laconic
