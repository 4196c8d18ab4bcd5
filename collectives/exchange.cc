#include "collectives/exchange.h"

#include <cmath>

#include "base/errors.h"
#include "collectives/exchange/kinds.h"

namespace laconic {
namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

void check_options(const ExchangeOptions& options) {
  const FeedbackOptions& feedback = options.feedback;
  if (options.bucket_bytes < sizeof(float)) throw ConfigError("bucket_bytes", "at least 4");
  if (!(std::isfinite(feedback.scale) && feedback.scale > 0))
    throw ConfigError("error_feedback.scale", "above 0");
  if (!(feedback.decay >= 0 && feedback.decay <= 1))
    throw ConfigError("error_feedback.decay", "from 0 to 1");
}

}  // namespace

std::unique_ptr<Exchange> make_exchange(const ExchangeOptions& given, Transport& transport,
                                        const Layout& layout) {
  check_options(given);
  ExchangeOptions options = given;
  options.compressor = for_ranks(given.compressor, transport.size());
  return std::visit(Overloaded{[&](const DenseOptions& kind) {
                                 return make_dense_exchange(kind, options, transport, layout);
                               },
                               [&](const GatherOptions&) {
                                 return make_gather_exchange(options, transport, layout);
                               }},
                    options.kind);
}

}  // namespace laconic
