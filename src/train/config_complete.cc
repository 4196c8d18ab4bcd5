#include "train/config_complete.h"

#include <fmt/format.h>

#include "base/errors.h"
#include "collectives/allreduce.h"
#include "train/config_text.h"

namespace laconic {
namespace {

using google::protobuf::Message;

const char* const kAnyAllreduce = "any";

/// The members of a oneof, for people.
std::string members(const Message& message, const char* oneof) {
  const auto* choice = message.GetDescriptor()->FindOneofByName(oneof);
  std::vector<std::string> names;
  for (int i = 0; i < choice->field_count(); ++i) names.push_back(choice->field(i)->name());
  return fmt::format("{}", fmt::join(names, ", "));
}

/// Which member of a oneof is set.
std::string chosen(const Message& message, const char* oneof) {
  const auto* choice = message.GetDescriptor()->FindOneofByName(oneof);
  return message.GetReflection()->GetOneofFieldDescriptor(message, choice)->name();
}

void require_one(const std::string& path, const Message& message, const char* oneof) {
  const auto* choice = message.GetDescriptor()->FindOneofByName(oneof);
  if (!message.GetReflection()->HasOneof(message, choice))
    throw ConfigError(path, "required: one of " + members(message, oneof));
}

/// Strings and numbers of `message` that are not set and have no default.
void require_all(const std::string& path, const Message& message) {
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i)
    if (const auto* field = type.field(i);
        !field->is_repeated() && !message.GetReflection()->HasField(message, field))
      throw ConfigError(path + "." + field->name(), "required");
}

void complete_data(config::Experiment& e) {
  using Kind = config::Problem;
  const auto kind = e.problem().kind_case();
  if (kind == Kind::kQuadratic || kind == Kind::kBilinear || kind == Kind::kMatrixGame) {
    const std::string name = chosen(e.problem(), "kind");
    if (e.has_data()) throw ConfigError("data", "problem." + name + " has none");
    if (!e.has_steps() && e.problem().bilinear().pieces() == 0)
      throw ConfigError("steps",
                        "required: problem." + name + " has no examples to count epochs by");
    return;
  }
  require_one("data", e.data(), "source");
  const bool sparse = e.data().has_libsvm(), text = e.data().has_text();
  if ((kind == Kind::kAdversarialTransformer) != text)
    throw ConfigError("data", text ? "expected no text: adversarial_transformer alone reads one"
                                   : "expected text: adversarial_transformer reads nothing else");
  if (text) {
    if (!e.data().text().has_path()) throw ConfigError("data.text.path", "required");
    return;
  }
  if (kind != Kind::kClassifier && !sparse)
    throw ConfigError("data", "expected libsvm: regression reads sparse rows");
  if (kind == Kind::kClassifier && sparse)
    throw ConfigError("data.libsvm",
                      "expected one of fashion_mnist, idx, npy: classifiers read dense examples");
  if (e.data().has_idx()) require_all("data.idx", e.data().idx());
  if (e.data().has_npy()) require_all("data.npy", e.data().npy());
  if (sparse && !e.data().libsvm().has_path()) throw ConfigError("data.libsvm.path", "required");
}

void complete_method(config::Method& method) {
  if (method.kind_case() == config::Method::KIND_NOT_SET) method.mutable_sync_sgd();
  const auto choose_rule = [](auto& message) {
    if (!message.has_sgd() && !message.has_adamw()) message.mutable_sgd();
  };
  if (method.has_extragradient()) choose_rule(*method.mutable_extragradient());
  if (method.has_masha1()) choose_rule(*method.mutable_masha1());
  if (method.has_masha2()) choose_rule(*method.mutable_masha2());
  if (!method.has_sync_sgd()) return;
  choose_rule(*method.mutable_sync_sgd());
  auto& schedule = *method.mutable_sync_sgd()->mutable_schedule();
  if (schedule.shape_case() == config::Schedule::SHAPE_NOT_SET) schedule.mutable_constant();
}

/// Some kinds have no use for what others are made of. Giving it is no error, so that
/// --set exchange.dense={} is all that a comparison takes.
void drop_unused(config::Exchange& exchange, std::vector<std::string>& warnings) {
  const auto drop = [&](bool present, const char* name, auto clear) {
    if (!present) return;
    warnings.push_back(
        fmt::format("exchange.{}: has no effect on exchange.{}", name, chosen(exchange, "kind")));
    (exchange.*clear)();
  };
  drop(exchange.has_down(), "down", &config::Exchange::clear_down);
  if (!exchange.has_dense() && !exchange.has_linear()) return;
  drop(exchange.has_compressor(), "compressor", &config::Exchange::clear_compressor);
  drop(exchange.has_density_warm_up(), "density_warm_up", &config::Exchange::clear_density_warm_up);
  if (!exchange.has_dense()) return;
  drop(exchange.has_error_feedback(), "error_feedback", &config::Exchange::clear_error_feedback);
  drop(exchange.has_local(), "local", &config::Exchange::clear_local);
}

void complete_exchange(config::Exchange& exchange, std::vector<std::string>& warnings);

/// What `auto` may choose where nothing is said: all that goes with what stands beside it.
void allow_all(config::Exchange& exchange) {
  config::Exchange beside = exchange;
  beside.clear_kind();
  auto& dense = *exchange.mutable_auto_()->add_allow();
  dense.mutable_dense()->set_allreduce(kAnyAllreduce);
  dense.set_bucket_bytes(exchange.bucket_bytes());
  dense.set_late(exchange.late());
  const auto allow = [&](auto choose) {
    auto& allowed = *exchange.mutable_auto_()->add_allow();
    allowed = beside;
    (allowed.*choose)();
  };
  allow(&config::Exchange::mutable_owner);
  allow(&config::Exchange::mutable_star);
  beside.clear_down();
  allow(&config::Exchange::mutable_gather);
}

/// An exchange by any allreduce is one by each of them.
void spell_out_allreduces(config::Auto& choice) {
  google::protobuf::RepeatedPtrField<config::Exchange> allow;
  choice.mutable_allow()->Swap(&allow);
  for (const config::Exchange& allowed : allow) {
    const bool any = (allowed.has_dense() && allowed.dense().allreduce() == kAnyAllreduce) ||
                     (allowed.has_linear() && allowed.linear().allreduce() == kAnyAllreduce);
    if (!any) {
      *choice.add_allow() = allowed;
      continue;
    }
    for (const AllreduceAlgorithm& algorithm : allreduce_algorithms()) {
      auto& one = *choice.add_allow() = allowed;
      auto* name = one.has_dense() ? one.mutable_dense()->mutable_allreduce()
                                   : one.mutable_linear()->mutable_allreduce();
      *name = algorithm.name;
    }
  }
}

void complete_auto(config::Exchange& exchange, std::vector<std::string>& warnings) {
  auto& choice = *exchange.mutable_auto_();
  if (choice.allow().empty()) {
    allow_all(exchange);
  } else if (exchange.has_compressor() || exchange.has_error_feedback() || exchange.has_down() ||
             exchange.has_density_warm_up()) {
    warnings.push_back("exchange.auto.allow: takes nothing from what stands beside auto");
  }
  spell_out_allreduces(choice);
  const bool overlap = exchange.overlap();
  const auto threads = exchange.threads();
  config::Exchange alone;
  alone.mutable_auto_()->Swap(&choice);
  alone.set_overlap(overlap);
  alone.set_threads(threads);
  exchange.Swap(&alone);
  for (auto& allowed : *exchange.mutable_auto_()->mutable_allow()) {
    if (allowed.local().momentum() != 0)
      throw ConfigError("exchange.auto.allow.local.momentum",
                        "0: where exchanges take turns, momentum belongs to the method");
    if (allowed.has_auto_()) throw ConfigError("exchange.auto.allow.auto", "not in itself");
    if (!allowed.has_overlap()) allowed.set_overlap(overlap);
    if (!allowed.has_threads()) allowed.set_threads(threads);
    complete_exchange(allowed, warnings);
  }
  for (const auto& decision : exchange.auto_().decided()) {
    require_all("exchange.auto.decided", decision);
    if (static_cast<int>(decision.choice()) >= exchange.auto_().allow_size())
      throw ConfigError("exchange.auto.decided.choice", "a place in `allow`, from 0");
  }
}

void complete_exchange(config::Exchange& exchange, std::vector<std::string>& warnings) {
  if (exchange.has_auto_()) return complete_auto(exchange, warnings);
  if (exchange.kind_case() == config::Exchange::KIND_NOT_SET) exchange.mutable_dense();
  const bool two_legs = exchange.has_owner() || exchange.has_star();
  if (!two_legs) drop_unused(exchange, warnings);
  if (exchange.has_dense()) return;
  exchange.mutable_error_feedback();
  exchange.mutable_local();
  if (exchange.has_linear()) {
    require_one("exchange.linear", exchange.linear(), "compressor");
    return;
  }
  if (exchange.compressor().kind_case() == config::Compressor::KIND_NOT_SET)
    exchange.mutable_compressor()->mutable_top_k();
  exchange.mutable_density_warm_up();
  if (!two_legs) return;
  auto& down = *exchange.mutable_down();
  if (down.compressor().kind_case() == config::Compressor::KIND_NOT_SET)
    *down.mutable_compressor() = exchange.compressor();
  if (!down.has_error_feedback()) *down.mutable_error_feedback() = exchange.error_feedback();
}

}  // namespace

void complete(config::Experiment& e, std::vector<std::string>& warnings) {
  require_one("problem", e.problem(), "kind");
  if (e.problem().has_classifier())
    require_one("problem.classifier", e.problem().classifier(), "model");
  complete_data(e);
  complete_method(*e.mutable_method());
  complete_exchange(*e.mutable_exchange(), warnings);
  e.mutable_report();
  e.mutable_checkpoint();
  e.mutable_transport();
  if (e.debug().has_throw_at()) require_all("debug.throw_at", e.debug().throw_at());
  if (e.debug().has_kill_at()) require_all("debug.kill_at", e.debug().kill_at());
  config_text::fill_defaults(e);
}

}  // namespace laconic
