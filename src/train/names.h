#pragma once

#include <string>

#include "train/experiment.h"

/// What summaries and tables call the parts of an experiment.
namespace laconic {

std::string problem_name(const ProblemOptions& problem);     ///< "fedavg_cnn", "quadratic"
std::string method_name(const MethodOptions& method);        ///< "sync_sgd"
std::string exchange_name(const ExchangeOptions& exchange);  ///< "gather, top_k 1%, error feedback"

}  // namespace laconic
