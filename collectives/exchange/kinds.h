#pragma once

#include "collectives/exchange.h"

/// One maker for each kind of exchange; make_exchange calls the one that the options name.
namespace laconic {

std::unique_ptr<Exchange> make_dense_exchange(const DenseOptions& kind,
                                              const ExchangeOptions& options, Transport& transport,
                                              const Layout& layout);

std::unique_ptr<Exchange> make_gather_exchange(const ExchangeOptions& options, Transport& transport,
                                               const Layout& layout);

}  // namespace laconic
