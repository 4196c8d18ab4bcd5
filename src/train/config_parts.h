#pragma once

#include <string>
#include <vector>

#include "experiment.pb.h"
#include "train/experiment.h"

/// Parts of a complete experiment as option structs, a file each. All throw ConfigError, with the
/// field's path, where a value is out of range.
namespace laconic::from_config {

ProblemOptions problem_of(const config::Experiment& experiment);  // config_problem.cc
MethodOptions method_of(const config::Method& method);            // config_method.cc
CompressorOptions compressor_of(const config::Compressor& compressor,
                                const std::string& path);       // config_compressor.cc
ExchangeOptions exchange_of(const config::Exchange& exchange);  // config_exchange.cc
AutoOptions auto_of(const config::Auto& automatic);
std::string allreduce_of(const std::string& path, const std::string& name);

// config_contracts.cc

/// Whether every leg keeps what error feedback relies on; what is doubtful goes to `warnings`.
void check_contracts(const ExchangeOptions& exchange, std::vector<std::string>& warnings);

/// What the method relies on, on a bucket that is full.
void check_method(const MethodOptions& method, const ExchangeOptions& exchange);

bool has_momentum(const MethodOptions& method);

}  // namespace laconic::from_config
