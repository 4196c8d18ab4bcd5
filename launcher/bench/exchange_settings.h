#pragma once

#include <string>
#include <vector>

#include "collectives/exchange_options.h"

/// Exchanges as a command line gives them.
namespace laconic::bench {

/// One of each kind, as they stand in an experiment. A new exchange adds its rows here.
const std::vector<std::string>& useful_settings();

/// What stands inside of `exchange { }`: "owner {} compressor { top_k { density: 0.001 } }", with
/// buckets of `bucket_bytes` where it says nothing of them. Throws ConfigError.
ExchangeOptions exchange_of(const std::string& setting, std::size_t bucket_bytes);

}  // namespace laconic::bench
