#pragma once

#include "collectives/exchange/stages.h"
#include "collectives/exchange_options.h"

namespace laconic {

/// The one mechanism under all exchanges: takes every bucket of the plan, strictly in its order,
/// through the stages of a kind of exchange, with as many in flight as that kind has memory for.
///
/// What lets others go on is done first: later stages before earlier ones, but decoding (the last
/// stage, for which nobody waits) after all else. Which stage runs when depends on what arrives;
/// what it computes does not, since buckets share nothing.
///
/// With options.overlap all of it is done by a thread of the exchange's own, which from begin() to
/// finish() is the only one that uses the transport: a bucket goes on its way as soon as it and all
/// before it are ready, while the computation goes on. Without, finish() does everything.
/// A single bucket, which is whole only when all is, has no thread unless the average comes `late`.
std::unique_ptr<Exchange> make_pipeline(std::unique_ptr<Stages> stages, std::vector<Slice> buckets,
                                        Transport& transport, std::size_t length,
                                        const ExchangeOptions& options);

}  // namespace laconic
