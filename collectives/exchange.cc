#include "collectives/exchange.h"

#include <cmath>
#include <utility>

#include "base/errors.h"
#include "collectives/bucket_plan.h"
#include "collectives/exchange/kinds.h"
#include "collectives/exchange/late.h"
#include "collectives/exchange/pipeline.h"

namespace laconic {
namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

void check_feedback(const std::string& leg, const FeedbackOptions& feedback) {
  if (!(std::isfinite(feedback.scale) && feedback.scale > 0))
    throw ConfigError(leg + "error_feedback.scale", "above 0");
  if (!(feedback.decay >= 0 && feedback.decay <= 1))
    throw ConfigError(leg + "error_feedback.decay", "from 0 to 1");
}

void check_options(const ExchangeOptions& options) {
  if (options.bucket_bytes < sizeof(float)) throw ConfigError("bucket_bytes", "at least 4");
  check_feedback("", options.feedback);
  if (options.down) check_feedback("down.", options.down->feedback);
  if (!(options.local.momentum >= 0 && options.local.momentum < 1))
    throw ConfigError("local.momentum", "at least 0 and below 1");
  if (!(std::isfinite(options.local.clip) && options.local.clip >= 0))
    throw ConfigError("local.clip", "0 or above");
}

}  // namespace

ExchangeTimes& ExchangeTimes::operator+=(const ExchangeTimes& other) {
  compress += other.compress;
  wait += other.wait;
  decode += other.decode;
  hidden += other.hidden;
  return *this;
}

std::unique_ptr<Stages> make_stages(const ExchangeOptions& given, Transport& transport,
                                    const Layout& layout, std::span<const Slice> buckets) {
  check_options(given);
  ExchangeOptions options = given;
  options.compressor = for_ranks(given.compressor, transport.size());
  if (options.down) options.down->compressor = for_ranks(given.down->compressor, transport.size());
  return std::visit(
      Overloaded{
          [&](const DenseOptions& kind) { return make_dense(kind, options, transport); },
          [&](const GatherOptions&) { return make_gather(options, transport, buckets); },
          [&](const OwnerOptions&) { return make_owner(options, transport, buckets); },
          [&](const StarOptions& kind) { return make_star(kind, options, transport, buckets); },
          [&](const SparseDoublingOptions&) {
            return make_sparse_doubling(options, transport, buckets);
          },
          [&](const HierarchicalOptions& kind) {
            return make_hierarchical(kind, options, transport, buckets);
          },
          [&](const LinearOptions& kind) {
            return make_linear(kind, options, transport, layout, buckets);
          }},
      options.kind);
}

std::unique_ptr<Exchange> make_exchange(const ExchangeOptions& options, Transport& transport,
                                        const Layout& layout) {
  auto buckets = plan_buckets(layout, options.bucket_bytes);
  auto stages = make_stages(options, transport, layout, buckets);
  const std::size_t length = flat_size(layout);
  auto exchange = make_pipeline(std::move(stages), std::move(buckets), transport, length, options);
  return options.late ? make_late(std::move(exchange), length) : std::move(exchange);
}

}  // namespace laconic
