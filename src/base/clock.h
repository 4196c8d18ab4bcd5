#pragma once

#include <chrono>

namespace laconic {

/// Seconds since some fixed moment; never jumps.
inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
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
