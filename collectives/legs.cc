#include "collectives/legs.h"

#include <algorithm>

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

}  // namespace

Legs legs_of(const ExchangeOptions& options, const Layout& layout) {
  if (std::holds_alternative<DenseOptions>(options.kind)) return {};
  const auto buckets = plan_buckets(layout, options.bucket_bytes);
  const Leg up = leg_of(options.compressor, options.feedback, buckets);
  if (std::holds_alternative<GatherOptions>(options.kind)) return {.up = up, .down = {}};
  return {.up = up,
          .down = options.down ? leg_of(options.down->compressor, options.down->feedback, buckets)
                               : up};
}

}  // namespace laconic
