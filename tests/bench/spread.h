#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace laconic::bench {

/// Median and middle half of samples.
struct Spread {
  double median = 0, low = 0, high = 0;

  explicit Spread(std::vector<double> samples) {
    if (samples.empty()) return;
    std::sort(samples.begin(), samples.end());
    const auto at = [&](double part) {
      return samples[static_cast<std::size_t>(part * static_cast<double>(samples.size() - 1) +
                                              0.5)];
    };
    median = at(0.5), low = at(0.25), high = at(0.75);
  }
};

/// Of samples that were taken side by side.
inline Spread ratios(const std::vector<double>& of, const std::vector<double>& to) {
  std::vector<double> each;
  for (std::size_t i = 0; i < of.size(); ++i) each.push_back(of[i] / to[i]);
  return Spread(std::move(each));
}

}  // namespace laconic::bench
