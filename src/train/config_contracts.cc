#include "train/config_parts.h"

#include <fmt/format.h>

#include "base/errors.h"
#include "collectives/legs.h"
#include "compressors/compressor.h"

namespace laconic::from_config {
namespace {

/// A sparsifier that makes up in size for what it leaves out.
bool scales_up(const CompressorOptions& compressor) {
  return std::visit(
      [](const auto& options) {
        if constexpr (requires { options.density, options.unbiased; })
          return options.unbiased;
        else
          return false;
      },
      compressor);
}

/// Synchronous SGD takes any compressor that is unbiased (the noise averages out) or contractive
/// (error feedback makes up for the bias). Error feedback itself needs a contraction: else what is
/// left over grows from step to step.
void check_contract(const LegOptions& leg, std::size_t count, const std::string& leg_path,
                    std::vector<std::string>& warnings) {
  const auto compressor = make_compressor(leg.compressor);
  const Guarantee guarantee = compressor->guarantee(count);
  const std::string path = fmt::format("{}.compressor.{}", leg_path, compressor->name());
  if (leg.feedback.on && !guarantee.contractive())
    throw ConfigError(
        path, "does not contract, and with error feedback its residual would grow without end: " +
                  (scales_up(leg.compressor)
                       ? "set " + path + ".unbiased=false"
                       : std::string("take more levels of qsgd or smaller buckets")) +
                  ", or " + leg_path + ".error_feedback.on=false");
  if (!leg.feedback.on && !guarantee.unbiased())
    warnings.push_back(
        path + ": is biased, and without error feedback training stops short of the optimum");
}

}  // namespace

void check_contracts(const ExchangeOptions& exchange, std::vector<std::string>& warnings) {
  if (std::holds_alternative<DenseOptions>(exchange.kind)) return;
  if (std::holds_alternative<SparseDoublingOptions>(exchange.kind) &&
      dynamic_cast<const Sparsifier*>(make_compressor(exchange.compressor).get()) == nullptr)
    throw ConfigError("exchange.compressor",
                      "expected one that sends indices (top_k, threshold, block_top_k): "
                      "sparse_doubling merges them");
  if (const auto* linear = std::get_if<LinearOptions>(&exchange.kind)) {
    const auto* rand_k = std::get_if<LinearRandKOptions>(&linear->compressor);
    if (exchange.feedback.on && rand_k != nullptr && rand_k->unbiased && rand_k->density < 1)
      throw ConfigError(
          "exchange.linear.rand_k",
          "does not contract, and with error feedback its residual would grow without "
          "end: set exchange.linear.rand_k.unbiased=false, or "
          "exchange.error_feedback.on=false");
    return;
  }
  const std::size_t count = exchange.bucket_bytes / sizeof(float);
  check_contract({exchange.compressor, exchange.feedback}, count, "exchange", warnings);
  if (exchange.down) check_contract(*exchange.down, count, "exchange.down", warnings);
}

bool has_momentum(const MethodOptions& method) {
  const auto* sync = std::get_if<SyncSgdOptions>(&method);
  const auto* sgd = sync == nullptr ? nullptr : std::get_if<SgdOptions>(&sync->rule);
  return sgd != nullptr && sgd->momentum > 0;
}

void check_method(const MethodOptions& method, const ExchangeOptions& exchange) {
  const Legs legs = legs_of(exchange, {{"bucket", 0, exchange.bucket_bytes / sizeof(float), 1}});
  std::visit(
      [&](const auto& options) {
        if constexpr (requires { check_legs(options, legs); }) check_legs(options, legs);
      },
      method);
}

}  // namespace laconic::from_config
