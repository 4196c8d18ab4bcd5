#include "train/config_parts.h"

#include "train/config_checks.h"

// A switch over a oneof names every member and has no default, so that the compiler finds the one
// that was added to the schema and forgotten here.
namespace laconic::from_config {
namespace {

ScheduleOptions schedule_of(const config::Schedule& s, const std::string& path) {
  ScheduleOptions options{.rate = positive(path + ".rate", s.rate()),
                          .warm_up_steps = s.warm_up_steps(),
                          .shape = ConstantSchedule{}};
  switch (s.shape_case()) {
    case config::Schedule::kConstant:
      break;
    case config::Schedule::kDrops:
      options.shape =
          StepSchedule{at_least(path + ".drops.every", s.drops().every(), std::uint64_t{1}),
                       positive(path + ".drops.factor", s.drops().factor())};
      break;
    case config::Schedule::kCosine:
      options.shape = CosineSchedule{fraction(path + ".cosine.floor", s.cosine().floor())};
      break;
    case config::Schedule::kLinear:
      options.shape = LinearSchedule{fraction(path + ".linear.floor", s.linear().floor())};
      break;
    case config::Schedule::SHAPE_NOT_SET:
      not_chosen("schedule");
  }
  return options;
}

SgdOptions sgd_of(const config::Sgd& sgd, const std::string& path) {
  if (sgd.nesterov() && sgd.momentum() == 0)
    throw ConfigError(path + ".nesterov", "expected a momentum above 0 with it");
  return {fraction_below_one(path + ".momentum", sgd.momentum()),
          not_negative(path + ".weight_decay", sgd.weight_decay()), sgd.nesterov()};
}

AdamWOptions adamw_of(const config::AdamW& adamw, const std::string& path) {
  return {fraction_below_one(path + ".beta1", adamw.beta1()),
          fraction_below_one(path + ".beta2", adamw.beta2()),
          positive(path + ".epsilon", adamw.epsilon()),
          not_negative(path + ".weight_decay", adamw.weight_decay())};
}

/// Of any method with a choice between the two.
template <typename Message>
UpdateRuleOptions rule_of(const Message& m, const std::string& path) {
  if (m.has_adamw()) return adamw_of(m.adamw(), path + ".adamw");
  return sgd_of(m.sgd(), path + ".sgd");
}

template <typename Options, typename Message>
Options masha_of(const Message& m, const std::string& path) {
  Options options;
  options.rate = not_negative(path + ".rate", m.rate());
  options.sync_probability = fraction(path + ".sync_probability", m.sync_probability());
  options.batch = m.batch();
  options.anchor_batch = m.anchor_batch();
  options.participants = m.participants();
  options.allreduce = allreduce_of(path + ".allreduce", m.allreduce());
  options.rule = rule_of(m, path);
  options.rate_floor = fraction(path + ".rate_floor", m.rate_floor());
  return options;
}

}  // namespace

MethodOptions method_of(const config::Method& method) {
  switch (method.kind_case()) {
    case config::Method::kSyncSgd: {
      const auto& m = method.sync_sgd();
      return SyncSgdOptions{.batch = m.batch(),
                            .steps = 0,
                            .schedule = schedule_of(m.schedule(), "method.sync_sgd.schedule"),
                            .rule = rule_of(m, "method.sync_sgd")};
    }
    case config::Method::kDescentAscent: {
      const auto& m = method.descent_ascent();
      return DescentAscentOptions{not_negative("method.descent_ascent.rate", m.rate()), m.batch(),
                                  m.participants()};
    }
    case config::Method::kExtragradient: {
      const auto& m = method.extragradient();
      return ExtragradientOptions{not_negative("method.extragradient.rate", m.rate()), m.batch(),
                                  rule_of(m, "method.extragradient"),
                                  fraction("method.extragradient.rate_floor", m.rate_floor())};
    }
    case config::Method::kLocalExtragradient: {
      const std::string path = "method.local_extragradient";
      const auto& m = method.local_extragradient();
      return LocalExtragradientOptions{not_negative(path + ".rate", m.rate()), m.batch(),
                                       at_least(path + ".local_steps", m.local_steps(), 1u)};
    }
    case config::Method::kOptimisticGradient: {
      const auto& m = method.optimistic_gradient();
      return OptimisticGradientOptions{not_negative("method.optimistic_gradient.rate", m.rate()),
                                       m.batch()};
    }
    case config::Method::kDiana: {
      const auto& m = method.diana();
      return DianaOptions{not_negative("method.diana.rate", m.rate()),
                          fraction("method.diana.memory_rate", m.memory_rate()), m.batch(),
                          m.participants()};
    }
    case config::Method::kMasha1:
      return masha_of<Masha1Options>(method.masha1(), "method.masha1");
    case config::Method::kMasha2:
      return masha_of<Masha2Options>(method.masha2(), "method.masha2");
    case config::Method::KIND_NOT_SET:
      break;
  }
  not_chosen("method");
}

}  // namespace laconic::from_config
