#include "train/config_options.h"

#include <algorithm>
#include <cctype>

#include "train/config_checks.h"
#include "train/config_parts.h"

namespace laconic {
namespace {

using namespace from_config;

std::string run_name(const std::string& name) {
  const bool plain =
      !name.empty() && name[0] != '.' && std::all_of(name.begin(), name.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
      });
  if (!plain)
    throw ConfigError("name", fmt::format("expected letters, digits, '-', '_' and '.', the first "
                                          "not '.'; is \"{}\"",
                                          name));
  return name;
}

std::optional<DebugPoint> point_of(bool present, const config::Debug::At& at) {
  if (!present) return std::nullopt;
  return DebugPoint{static_cast<int>(at.rank()), at.step()};
}

}  // namespace

Experiment to_options(const config::Experiment& e) {
  Experiment options;
  options.name = run_name(e.name());
  options.seed = e.seed();
  options.epochs = positive("epochs", e.epochs());
  if (e.has_steps()) options.steps = at_least("steps", e.steps(), std::uint64_t{1});
  options.problem = problem_of(e);
  options.method = method_of(e.method());
  if (e.exchange().has_auto_()) {
    if (!std::holds_alternative<SyncSgdOptions>(options.method))
      throw ConfigError("exchange.auto", "expected another exchange: only sync_sgd works with any");
    options.automatic = auto_of(e.exchange().auto_());
    options.exchange = options.automatic->allowed.front();
    for (const ExchangeOptions& allowed : options.automatic->allowed)
      check_contracts(allowed, options.warnings);
  } else {
    options.exchange = exchange_of(e.exchange());
    check_contracts(options.exchange, options.warnings);
  }
  if (options.exchange.late && !std::holds_alternative<SyncSgdOptions>(options.method))
    throw ConfigError("exchange.late", "expected false: only sync_sgd goes on without an average");
  if ((options.exchange.local.momentum > 0 || options.exchange.local.clip > 0) &&
      !std::holds_alternative<SyncSgdOptions>(options.method))
    throw ConfigError("exchange.local", "expected none: only sync_sgd takes corrected gradients");
  if (options.exchange.local.momentum > 0 && has_momentum(options.method))
    options.warnings.push_back(
        "exchange.local.momentum: beside method.sync_sgd.sgd.momentum, which is meant instead of "
        "it");
  check_method(options.method, options.exchange);
  options.report = {at_least("report.every", e.report().every(), std::uint64_t{1}),
                    e.report().score_every(), e.report().verify_every(), e.report().links()};
  options.checkpoint = {e.checkpoint().every(),
                        at_least("checkpoint.keep", e.checkpoint().keep(), 2u)};
  options.deadline_seconds = positive("transport.deadline", e.transport().deadline());
  options.compute_threads = static_cast<int>(
      ranged("compute_threads", e.compute_threads(),
             e.compute_threads() >= 1 && e.compute_threads() <= 1024, "a number from 1 to 1024"));
  options.throw_at = point_of(e.debug().has_throw_at(), e.debug().throw_at());
  options.kill_at = point_of(e.debug().has_kill_at(), e.debug().kill_at());
  return options;
}

}  // namespace laconic
