#include "train/names.h"

#include <fmt/core.h>

namespace laconic {
namespace {

struct ProblemName {
  std::string operator()(const LogisticModelOptions&) const { return "logistic"; }
  std::string operator()(const MlpOptions&) const { return "mlp"; }
  std::string operator()(const FedAvgCnnOptions&) const { return "fedavg_cnn"; }
  std::string operator()(const SmallCnnOptions&) const { return "small_cnn"; }
  std::string operator()(const ClassifierProblem& p) const { return std::visit(*this, p.model); }
  std::string operator()(const QuadraticOptions&) const { return "quadratic"; }
  std::string operator()(const LogisticOptions&) const { return "logistic_regression"; }
  std::string operator()(const BilinearOptions&) const { return "bilinear"; }
  std::string operator()(const MatrixGameOptions&) const { return "matrix_game"; }
  std::string operator()(const RobustRegressionOptions&) const { return "robust_regression"; }
  std::string operator()(const AdversarialProblem&) const { return "adversarial_transformer"; }
};

struct CompressorName {
  std::string operator()(const IdentityOptions&) const { return "identity"; }
  std::string operator()(const TopKOptions& o) const {
    return sparse("top_k", o.density, o.values);
  }
  std::string operator()(const RandKOptions& o) const {
    return sparse(o.unbiased ? "rand_k (unbiased)" : "rand_k", o.density, o.values);
  }
  std::string operator()(const StratifiedRandKOptions& o) const {
    return sparse(o.unbiased ? "stratified_rand_k (unbiased)" : "stratified_rand_k", o.density,
                  o.values);
  }
  std::string operator()(const PermKOptions& o) const {
    return fmt::format("perm_k{}{}", o.unbiased ? "" : " (contractive)", format(o.values));
  }
  std::string operator()(const ThresholdOptions& o) const {
    constexpr const char* kOf[] = {"", " of the largest", " root mean squares"};
    return fmt::format("threshold {:g}{}{}", o.at, kOf[static_cast<int>(o.relative_to)],
                       format(o.values));
  }
  std::string operator()(const BlockTopKOptions& o) const {
    return fmt::format("block_top_k {} of 4096{}", o.each, format(o.values));
  }
  std::string operator()(const DctTopKOptions& o) const {
    return fmt::format("dct_top_k {} of 64{}", o.keep, format(o.values));
  }
  std::string operator()(const QuantizerOptions& o) const {
    return fmt::format("{}{}", name_of(o.values), o.unbiased ? " (unbiased)" : "");
  }

  static std::string sparse(const char* name, double density, const ValueFormat& values) {
    return fmt::format("{} {:g}%{}", name, 100 * density, format(values));
  }
  static std::string format(const ValueFormat& values) {
    if (std::holds_alternative<Float32Options>(values)) return "";
    return fmt::format(" {}", name_of(values));
  }
};

struct LinearName {
  std::string operator()(const PowerSgdOptions& o) const {
    return fmt::format("power_sgd rank {}{}", o.rank, o.rounds == 1 ? ", one side a step" : "");
  }
  std::string operator()(const LinearRandKOptions& o) const {
    return CompressorName::sparse(o.unbiased ? "rand_k (unbiased)" : "rand_k", o.density,
                                  Float32Options{});
  }
};

struct KindName {
  std::string operator()(const DenseOptions&) const { return "dense"; }
  std::string operator()(const GatherOptions&) const { return "gather"; }
  std::string operator()(const OwnerOptions&) const { return "owner"; }
  std::string operator()(const StarOptions&) const { return "star"; }
  std::string operator()(const SparseDoublingOptions&) const { return "sparse doubling"; }
  std::string operator()(const HierarchicalOptions&) const { return "hierarchical"; }
  std::string operator()(const LinearOptions& o) const {
    return "linear, " + std::visit(LinearName{}, o.compressor);
  }
};

struct MethodName {
  std::string operator()(const SyncSgdOptions&) const { return "sync_sgd"; }
  std::string operator()(const DescentAscentOptions&) const { return "descent_ascent"; }
  std::string operator()(const ExtragradientOptions&) const { return "extragradient"; }
  std::string operator()(const LocalExtragradientOptions&) const { return "local_extragradient"; }
  std::string operator()(const OptimisticGradientOptions&) const { return "optimistic_gradient"; }
  std::string operator()(const DianaOptions&) const { return "diana"; }
  std::string operator()(const Masha1Options&) const { return "masha1"; }
  std::string operator()(const Masha2Options&) const { return "masha2"; }
};

}  // namespace

std::string problem_name(const ProblemOptions& problem) {
  return std::visit(ProblemName{}, problem);
}

std::string method_name(const MethodOptions& method) { return std::visit(MethodName{}, method); }

std::string exchange_name(const ExchangeOptions& exchange) {
  if (exchange.late) {
    ExchangeOptions in_time = exchange;
    in_time.late = false;
    return exchange_name(in_time) + ", a step late";
  }
  const auto leg = [](const CompressorOptions& compressor, const FeedbackOptions& feedback) {
    return std::visit(CompressorName{}, compressor) + (feedback.on ? ", error feedback" : "");
  };
  if (const auto* dense = std::get_if<DenseOptions>(&exchange.kind))
    return "dense, " + dense->allreduce;
  if (std::holds_alternative<LinearOptions>(exchange.kind))
    return std::visit(KindName{}, exchange.kind) + (exchange.feedback.on ? ", error feedback" : "");
  const std::string up = leg(exchange.compressor, exchange.feedback);
  const std::string kind = std::visit(KindName{}, exchange.kind);
  if (!has_two_legs(exchange)) return kind + ", " + up;
  const std::string down =
      exchange.down ? leg(exchange.down->compressor, exchange.down->feedback) : up;
  return kind + ", " + up + (down == up ? " both ways" : "; down " + down);
}

}  // namespace laconic
