#include "train/config_parts.h"

#include <algorithm>

#include "collectives/allreduce.h"
#include "train/config_checks.h"
#include "train/config_text.h"

// A switch over a oneof names every member and has no default, so that the compiler finds the one
// that was added to the schema and forgotten here.
namespace laconic::from_config {
namespace {

WarmUpOptions warm_up_of(const config::Exchange& e) {
  const auto& w = e.density_warm_up();
  if (w.steps() > 0 && !e.compressor().has_top_k() && !e.compressor().has_rand_k() &&
      !e.compressor().has_stratified_rand_k())
    throw ConfigError("exchange.density_warm_up.steps",
                      "expected 0: the compressor has no density");
  const auto stages = at_least("exchange.density_warm_up.stages", w.stages(), 1u);
  return {w.steps(), static_cast<int>(ranged("exchange.density_warm_up.stages", stages,
                                             stages <= 1000, "at most 1000"))};
}

FeedbackOptions feedback_of(const config::ErrorFeedback& f, const std::string& path) {
  return {f.on(), positive(path + ".scale", f.scale()), fraction(path + ".decay", f.decay())};
}

LocalOptions local_of(const config::Local& local) {
  return {fraction_below_one("exchange.local.momentum", local.momentum()), local.factor_masking(),
          not_negative("exchange.local.clip", local.clip())};
}

LinearOptions linear_of(const config::Linear& linear) {
  LinearOptions options{.compressor = {},
                        .allreduce = allreduce_of("exchange.linear.allreduce", linear.allreduce())};
  if (linear.has_rand_k()) {
    options.compressor =
        LinearRandKOptions{density("exchange.linear.rand_k.density", linear.rand_k().density()),
                           linear.rand_k().unbiased()};
    return options;
  }
  const auto& c = linear.power_sgd();
  options.compressor = PowerSgdOptions{
      static_cast<int>(ranged("exchange.linear.power_sgd.rank", c.rank(),
                              c.rank() >= 1 && c.rank() <= 1024, "a number from 1 to 1024")),
      static_cast<int>(ranged("exchange.linear.power_sgd.rounds", c.rounds(),
                              c.rounds() == 1 || c.rounds() == 2, "1 or 2"))};
  return options;
}

}  // namespace

std::string allreduce_of(const std::string& path, const std::string& name) {
  if (name == "any") throw ConfigError(path, "\"any\" leaves a choice, which exchange.auto makes");
  std::vector<std::string> known;
  for (const auto& algorithm : allreduce_algorithms()) known.emplace_back(algorithm.name);
  if (std::find(known.begin(), known.end(), name) == known.end())
    throw ConfigError(
        path, config_text::with_nearest(fmt::format("there is no \"{}\"", name), name, known));
  return name;
}

ExchangeOptions exchange_of(const config::Exchange& e) {
  ExchangeOptions options;
  const auto bytes = at_least("exchange.bucket_bytes", e.bucket_bytes(), std::uint64_t{4});
  options.bucket_bytes = static_cast<std::size_t>(bytes);
  options.overlap = e.overlap();
  options.late = e.late();
  switch (e.kind_case()) {
    case config::Exchange::kDense:
      options.kind = DenseOptions{allreduce_of("exchange.dense.allreduce", e.dense().allreduce())};
      return options;
    case config::Exchange::kGather:
      options.kind = GatherOptions{};
      break;
    case config::Exchange::kOwner:
      options.kind = OwnerOptions{};
      break;
    case config::Exchange::kStar:
      options.kind = StarOptions{static_cast<int>(
          ranged("exchange.star.hub", e.star().hub(), e.star().hub() < 65536, "a rank"))};
      break;
    case config::Exchange::kSparseDoubling:
      options.kind = SparseDoublingOptions{};
      break;
    case config::Exchange::kHierarchical:
      options.kind = HierarchicalOptions{static_cast<int>(
          ranged("exchange.hierarchical.ranks_per_node", e.hierarchical().ranks_per_node(),
                 e.hierarchical().ranks_per_node() < 65536, "a number of ranks"))};
      break;
    case config::Exchange::kLinear:
      options.kind = linear_of(e.linear());
      options.feedback = feedback_of(e.error_feedback(), "exchange.error_feedback");
      options.local = local_of(e.local());
      return options;
    case config::Exchange::kAuto:  // of exchanges that are not
    case config::Exchange::KIND_NOT_SET:
      not_chosen("exchange");
  }
  options.frame.checksum = e.checksum();
  options.frame.threads =
      static_cast<int>(ranged("exchange.threads", e.threads(),
                              e.threads() >= 1 && e.threads() <= 1024, "a number from 1 to 1024"));
  options.compressor = compressor_of(e.compressor(), "exchange.compressor");
  options.feedback = feedback_of(e.error_feedback(), "exchange.error_feedback");
  options.local = local_of(e.local());
  options.warm_up = warm_up_of(e);
  if (e.has_down())
    options.down = {compressor_of(e.down().compressor(), "exchange.down.compressor"),
                    feedback_of(e.down().error_feedback(), "exchange.down.error_feedback")};
  return options;
}

AutoOptions auto_of(const config::Auto& a) {
  AutoOptions options{.allowed = {}, .look_again = a.look_again(), .decided = {}};
  for (const auto& allowed : a.allow()) options.allowed.push_back(exchange_of(allowed));
  for (const auto& d : a.decided()) {
    if (!options.decided.empty() && d.step() <= options.decided.back().step)
      throw ConfigError("exchange.auto.decided.step", "expected to be after the one before");
    options.decided.push_back({d.step(), d.choice()});
  }
  return options;
}

}  // namespace laconic::from_config
