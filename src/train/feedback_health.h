#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace laconic {

/// Watches what error feedback keeps back: the norm of all ranks' residuals over that of their
/// gradients. It rises until a coordinate has waited its time, and then stands; one that goes on
/// rising is of a compressor that sends less than comes in.
class FeedbackHealth {
 public:
  /// `alpha` of the compressor's guarantee; 0: nothing is known.
  explicit FeedbackHealth(double alpha);

  /// After so many steps. Once, where it looks as if there were no bound, what to try.
  std::optional<std::string> hear(std::uint64_t step, double ratio);

 private:
  double ratio_at(std::uint64_t step) const;

  const double alpha_;
  std::vector<std::pair<std::uint64_t, double>> heard_;
  bool warned_ = false;
};

}  // namespace laconic
