#include "train/feedback_health.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace laconic {
namespace {

constexpr double kRises = 1.6;              // from half the steps to all of them; in proportion: 2
constexpr double kUnknownFillSteps = 1000;  // where the compressor promises nothing
constexpr double kFills = 8;                // times 1/alpha: steps in which a residual has filled

}  // namespace

FeedbackHealth::FeedbackHealth(double alpha) : alpha_(alpha) {}

double FeedbackHealth::ratio_at(std::uint64_t step) const {
  const auto after = std::find_if(heard_.begin(), heard_.end(),
                                  [&](const auto& one) { return one.first >= step; });
  return after->second;
}

/// |e| <= 2/alpha |g| is what theory allows (Stich, Cordonnier and Jaggi, 2018, lemma 3.2, with
/// gradients of one norm); what is beyond it, or still rises as the steps do long after it should
/// have stood, has no bound.
std::optional<std::string> FeedbackHealth::hear(std::uint64_t step, double ratio) {
  if (warned_ || std::isnan(ratio)) return std::nullopt;
  heard_.emplace_back(step, ratio);
  const double fill = alpha_ > 0 ? kFills / alpha_ : kUnknownFillSteps;
  const bool filled = static_cast<double>(step) > fill;
  const bool rises = filled && ratio > 1 && ratio > kRises * ratio_at(step / 2) &&
                     ratio_at(step / 2) > kRises * ratio_at(step / 4);
  const bool beyond = alpha_ > 0 && ratio > 2 / alpha_;
  if (!rises && !beyond) return std::nullopt;
  warned_ = true;
  return fmt::format(
      "step {}: error feedback keeps back {:.3g} times the norm of a gradient, {}: try a higher "
      "density, exchange.error_feedback.decay below 1, exchange.density_warm_up, or a lower rate",
      step, ratio, beyond ? "more than its compressor should" : "and more from step to step");
}

}  // namespace laconic
