#pragma once

#include <memory>
#include <span>

#include "collectives/exchange/stages.h"
#include "collectives/exchange_options.h"

/// One maker for each kind of exchange; make_stages calls the one that the options name.
namespace laconic {

/// For vectors of that layout, cut into `buckets`. Throws ConfigError where the options do not fit.
std::unique_ptr<Stages> make_stages(const ExchangeOptions& options, Transport& transport,
                                    const Layout& layout, std::span<const Slice> buckets);

/// What compressed exchanges have in flight: enough to fill the wire while a bucket is encoded.
inline constexpr std::size_t kBucketsInFlight = 4;

std::unique_ptr<Stages> make_dense(const DenseOptions& kind, const ExchangeOptions& options,
                                   Transport& transport);

std::unique_ptr<Stages> make_gather(const ExchangeOptions& options, Transport& transport,
                                    std::span<const Slice> buckets);

std::unique_ptr<Stages> make_hierarchical(const HierarchicalOptions& kind,
                                          const ExchangeOptions& options, Transport& transport,
                                          std::span<const Slice> buckets);

std::unique_ptr<Stages> make_sparse_doubling(const ExchangeOptions& options, Transport& transport,
                                             std::span<const Slice> buckets);

std::unique_ptr<Stages> make_linear(const LinearOptions& kind, const ExchangeOptions& options,
                                    Transport& transport, const Layout& layout,
                                    std::span<const Slice> buckets);

std::unique_ptr<Stages> make_owner(const ExchangeOptions& options, Transport& transport,
                                   std::span<const Slice> buckets);

std::unique_ptr<Stages> make_star(const StarOptions& kind, const ExchangeOptions& options,
                                  Transport& transport, std::span<const Slice> buckets);

}  // namespace laconic
