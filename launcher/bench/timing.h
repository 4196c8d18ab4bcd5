#pragma once

#include <functional>
#include <string>
#include <vector>

/// Machines are noisy and shared: a time means little, its ratio to a reference that ran just
/// before means much, and the spread of that ratio says how much.
namespace laconic::bench {

/// Median and quartiles.
struct Spread {
  double lower = 0, median = 0, upper = 0;
};

/// Of at least one value.
Spread spread_of(std::vector<double> values);

/// Of one to the other, of samples that were taken side by side.
Spread ratios(const std::vector<double>& of, const std::vector<double>& to);

/// "1.02 (0.99-1.10)"
std::string text_of(const Spread& spread);

struct Work {
  std::function<void()> run;
  std::function<void()> prepare = [] {};  ///< Before each run, not timed.
};

/// Seconds of one run.
double seconds_of(const Work& work);

/// Runs both in turn for `seconds`, but at least five times each, after a round that does not count
/// (the first touch of memory); the spread of time of `work` / time of `reference`, round by round.
Spread ratio_of(const Work& work, const Work& reference, double seconds);

}  // namespace laconic::bench
