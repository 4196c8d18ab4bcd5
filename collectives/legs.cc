#include "collectives/legs.h"

#include <algorithm>
#include <limits>

#include "collectives/bucket_plan.h"

namespace laconic {
namespace {

/// Whether ranks choose each for itself, and not by a key that all of them have.
bool draws_apart(const CompressorOptions& options) {
  if (std::holds_alternative<PermKOptions>(options)) return false;
  return std::visit(
      [](const auto& kind) {
        if constexpr (requires { kind.shared; })
          return !kind.shared;
        else
          return true;
      },
      options);
}

Leg leg_of(const CompressorOptions& options, const FeedbackOptions& feedback,
           const std::vector<Slice>& buckets) {
  const auto compressor = make_compressor(options);
  Leg leg{.feedback = feedback.on};
  for (const Slice bucket : buckets) {
    const Guarantee guarantee = compressor->guarantee(bucket.count);
    leg.guarantee.omega = std::max(leg.guarantee.omega, guarantee.omega);
    leg.guarantee.absolute = std::max(leg.guarantee.absolute, guarantee.absolute);
    leg.guarantee.alpha =
        std::min(leg.guarantee.alpha, std::max(guarantee.alpha, 1 - guarantee.omega));
  }
  leg.guarantee.alpha = std::max(leg.guarantee.alpha, 0.0);
  leg.independent = draws_apart(options);
  return leg;
}

/// PowerSGD projects, and so never makes what is left longer, but promises no more in one step.
Leg leg_of(const LinearCompressorOptions& options, const FeedbackOptions& feedback,
           const std::vector<Slice>& buckets) {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  Leg leg{.guarantee = {0, 1}, .feedback = feedback.on, .independent = false};
  const auto* rand_k = std::get_if<LinearRandKOptions>(&options);
  for (const Slice bucket : buckets) {
    if (bucket.count == 0) continue;
    const double kept = rand_k == nullptr
                            ? 0
                            : static_cast<double>(kept_elements(rand_k->density, bucket.count)) /
                                  static_cast<double>(bucket.count);
    const bool unbiased = rand_k != nullptr && rand_k->unbiased;
    leg.guarantee.omega = std::max(leg.guarantee.omega, unbiased ? 1 / kept - 1 : kNever);
    leg.guarantee.alpha =
        std::min(leg.guarantee.alpha, unbiased ? std::max(0.0, 2 - 1 / kept) : kept);
  }
  return leg;
}

}  // namespace

Legs legs_of(const ExchangeOptions& options, const Layout& layout) {
  if (std::holds_alternative<DenseOptions>(options.kind)) return {};
  const auto buckets = plan_buckets(layout, options.bucket_bytes);
  if (const auto* linear = std::get_if<LinearOptions>(&options.kind))
    return {.up = leg_of(linear->compressor, options.feedback, buckets), .down = {}};
  const Leg up = leg_of(options.compressor, options.feedback, buckets);
  if (!has_two_legs(options)) return {.up = up, .down = {}};
  return {.up = up,
          .down = options.down ? leg_of(options.down->compressor, options.down->feedback, buckets)
                               : up};
}

}  // namespace laconic
