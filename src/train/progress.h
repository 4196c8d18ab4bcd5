#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "train/metrics.h"

namespace laconic {

/// "step 1200/5625  loss 0.4312  1520 examples/s  12.3 MB sent  4 min 05 s left": on a terminal one
/// line rewritten in place, elsewhere a line of its own now and then.
class Progress {
 public:
  /// `out` is borrowed. `total` steps; the run starts (or resumes) at `step`, at the time `now`.
  Progress(std::FILE* out, bool terminal, std::uint64_t step, std::uint64_t total, double now);

  /// Shows the row if the last one shown is old enough.
  void update(const MetricsRow& row, double now);

  /// Ends the line on a terminal, so that what comes next has one of its own.
  void finish();

 private:
  std::string line(const MetricsRow& row, double now) const;

  std::FILE* out_;
  bool terminal_;
  std::uint64_t first_step_, total_;
  double start_, shown_;
  bool open_ = false;  // the terminal's cursor stands in our line
};

}  // namespace laconic
