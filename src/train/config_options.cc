#include "train/config_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "base/errors.h"
#include "collectives/allreduce.h"
#include "compressors/compressor.h"
#include "train/config_text.h"

// A switch over a oneof names every member and has no default, so that the compiler finds the one
// that was added to the schema and forgotten here.
namespace laconic {
namespace {

/// A number that protobuf has read, refused unless it `holds`. Comparisons are written so that NaN
/// fails them.
template <typename T>
T ranged(const std::string& path, T value, bool holds, const char* expected) {
  if (!holds) throw ConfigError(path, fmt::format("expected {}, is {}", expected, value));
  return value;
}

template <typename T>
T positive(const std::string& path, T value) {
  return ranged(path, value, value > 0 && std::isfinite(static_cast<double>(value)),
                "a number above 0");
}
template <typename T>
T not_negative(const std::string& path, T value) {
  return ranged(path, value, value >= 0 && std::isfinite(static_cast<double>(value)),
                "0 or a number above it");
}
template <typename T>
T fraction(const std::string& path, T value) {
  return ranged(path, value, value >= 0 && value <= 1, "a number in [0, 1]");
}
template <typename T>
T fraction_below_one(const std::string& path, T value) {
  return ranged(path, value, value >= 0 && value < 1, "a number in [0, 1)");
}
double density(const std::string& path, double value) {
  return ranged(path, value, value > 0 && value <= 1, "a number in (0, 1]");
}
template <typename T>
T at_least(const std::string& path, T value, T least) {
  if (value < least)
    throw ConfigError(path, fmt::format("expected at least {}, is {}", least, value));
  return value;
}

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

/// Where complete() has seen to it that there is a choice.
[[noreturn]] void not_chosen(const char* path) {
  throw std::logic_error(fmt::format("{}: nothing chosen", path));
}

// ------------------------------------------------------------------------------- problem and data

Partition partition_of(config::Data::Partition partition) {
  switch (partition) {
    case config::Data::shuffled:
      return Partition::shuffled;
    case config::Data::contiguous:
      return Partition::contiguous;
    case config::Data::by_label:
      return Partition::by_label;
  }
  not_chosen("data.partition");
}

ModelOptions model_of(const config::Classifier& c) {
  switch (c.model_case()) {
    case config::Classifier::kLogistic:
      return LogisticModelOptions{};
    case config::Classifier::kMlp: {
      for (const auto width : c.mlp().hidden())
        at_least("problem.classifier.mlp.hidden", width, 1u);
      return MlpOptions{{c.mlp().hidden().begin(), c.mlp().hidden().end()}};
    }
    case config::Classifier::kFedavgCnn:
      return FedAvgCnnOptions{};
    case config::Classifier::kSmallCnn:
      return SmallCnnOptions{
          at_least("problem.classifier.small_cnn.hidden", c.small_cnn().hidden(), 1u)};
    case config::Classifier::MODEL_NOT_SET:
      break;
  }
  not_chosen("problem.classifier");
}

DatasetOptions dataset_of(const config::Data& data) {
  switch (data.source_case()) {
    case config::Data::kFashionMnist:
      return FashionMnistOptions{data.fashion_mnist().path()};
    case config::Data::kIdx: {
      const auto& idx = data.idx();
      return IdxOptions{idx.train_images(), idx.train_labels(), idx.test_images(),
                        idx.test_labels(), at_least("data.idx.classes", idx.classes(), 2u)};
    }
    case config::Data::kNpy: {
      const auto& npy = data.npy();
      return NpyOptions{npy.train_examples(), npy.train_labels(), npy.test_examples(),
                        npy.test_labels(), at_least("data.npy.classes", npy.classes(), 2u)};
    }
    case config::Data::kLibsvm:
    case config::Data::kText:
    case config::Data::SOURCE_NOT_SET:
      break;
  }
  not_chosen("data");
}

ProxOptions prox_of(const config::Quadratic& q, const std::string& path) {
  switch (q.prox_case()) {
    case config::Quadratic::kBall:
      return BallProx{positive(path + ".ball.radius", q.ball().radius())};
    case config::Quadratic::kBox:
      return BoxProx{
          ranged(path + ".box.low", q.box().low(),
                 std::isfinite(q.box().low()) && q.box().low() <= q.box().high(), "at most high"),
          ranged(path + ".box.high", q.box().high(), std::isfinite(q.box().high()), "a number")};
    case config::Quadratic::kSimplex:
      return SimplexProx{};
    case config::Quadratic::kL1:
      return L1Prox{not_negative(path + ".l1.weight", q.l1().weight())};
    case config::Quadratic::PROX_NOT_SET:
      break;
  }
  return NoProx{};
}

BilinearOptions bilinear_of(const config::Bilinear& b) {
  const std::string path = "problem.bilinear";
  return {.dimensions = at_least(path + ".dimensions", b.dimensions(), std::uint64_t{1}),
          .condition = ranged(path + ".condition", b.condition(),
                              b.condition() > 1 && std::isfinite(b.condition()), "above 1"),
          .spread = not_negative(path + ".spread", b.spread()),
          .diagonal = b.diagonal(),
          .scale_range =
              ranged(path + ".scale_range", b.scale_range(),
                     b.scale_range() >= 1 && std::isfinite(b.scale_range()), "a number from 1"),
          .pieces = b.pieces(),
          .noise = not_negative(path + ".noise", b.noise())};
}

RobustRegressionOptions robust_regression_of(const config::Experiment& e) {
  const auto& r = e.problem().robust_regression();
  const std::string path = "problem.robust_regression";
  RobustRegressionOptions options{.path = e.data().libsvm().path(),
                                  .w_radius = positive(path + ".w_radius", r.w_radius()),
                                  .r_radius = positive(path + ".r_radius", r.r_radius()),
                                  .w_l2 = positive(path + ".w_l2", r.w_l2()),
                                  .r_l2 = positive(path + ".r_l2", r.r_l2()),
                                  .partition = partition_of(e.data().partition())};
  ranged(path + ".r_l2", r.r_l2(), r.r_l2() >= r.w_radius() * r.w_radius(),
         "at least w_radius squared");
  return options;
}

AdversarialProblem adversarial_of(const config::Experiment& e) {
  const auto& t = e.problem().adversarial_transformer();
  const std::string path = "problem.adversarial_transformer";
  AdversarialProblem problem;
  problem.options.model = {.context = at_least(path + ".context", t.context(), 1u),
                           .width = at_least(path + ".width", t.width(), 1u),
                           .layers = at_least(path + ".layers", t.layers(), 1u),
                           .heads = at_least(path + ".heads", t.heads(), 1u)};
  ranged(path + ".width", t.width(), t.width() % t.heads() == 0, "a multiple of heads");
  problem.options.radius = positive(path + ".radius", t.radius());
  problem.options.attack_steps = t.attack_steps();
  problem.options.partition = partition_of(e.data().partition());
  if (problem.options.partition == Partition::by_label)
    throw ConfigError("data.partition", "expected shuffled or contiguous: a text has no labels");
  const double held_out = e.data().text().held_out();
  problem.text = {e.data().text().path(),
                  ranged("data.text.held_out", held_out, held_out > 0 && held_out < 1,
                         "a number between 0 and 1")};
  return problem;
}

ProblemOptions problem_of(const config::Experiment& e) {
  const auto& problem = e.problem();
  switch (problem.kind_case()) {
    case config::Problem::kClassifier:
      return ClassifierProblem{model_of(problem.classifier()), dataset_of(e.data()),
                               partition_of(e.data().partition())};
    case config::Problem::kQuadratic: {
      const auto& q = problem.quadratic();
      return QuadraticOptions{
          at_least("problem.quadratic.dimensions", q.dimensions(), std::uint64_t{1}),
          ranged("problem.quadratic.condition", q.condition(),
                 q.condition() >= 1 && std::isfinite(q.condition()), "a number from 1"),
          not_negative("problem.quadratic.spread", q.spread()), prox_of(q, "problem.quadratic")};
    }
    case config::Problem::kLogistic:
      return LogisticOptions{e.data().libsvm().path(), e.data().libsvm().test_path(),
                             not_negative("problem.logistic.l2", problem.logistic().l2()),
                             partition_of(e.data().partition())};
    case config::Problem::kBilinear:
      return bilinear_of(problem.bilinear());
    case config::Problem::kMatrixGame: {
      const auto& g = problem.matrix_game();
      return MatrixGameOptions{at_least("problem.matrix_game.houses", g.houses(), std::uint64_t{1}),
                               positive("problem.matrix_game.reach", g.reach()),
                               not_negative("problem.matrix_game.spread", g.spread())};
    }
    case config::Problem::kRobustRegression:
      return robust_regression_of(e);
    case config::Problem::kAdversarialTransformer:
      return adversarial_of(e);
    case config::Problem::KIND_NOT_SET:
      break;
  }
  not_chosen("problem");
}

// ------------------------------------------------------------------------------------------ method

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

std::string allreduce_of(const std::string& path, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& algorithm : allreduce_algorithms()) known.emplace_back(algorithm.name);
  if (std::find(known.begin(), known.end(), name) == known.end())
    throw ConfigError(
        path, config_text::with_nearest(fmt::format("there is no \"{}\"", name), name, known));
  return name;
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
  return options;
}

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
                                  rule_of(m, "method.extragradient")};
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

// ---------------------------------------------------------------------------------------- exchange

std::size_t bucket(const std::string& path, std::uint32_t value) {
  return ranged(path, value, value > 0 && value % 64 == 0 && value <= 65536,
                "a multiple of 64 up to 65,536");
}

SignOptions sign_of(const config::Sign& sign, const std::string& path) {
  return {bucket(path + ".bucket", sign.bucket())};
}

QsgdOptions qsgd_of(const config::Qsgd& qsgd, const std::string& path) {
  const std::uint32_t levels = qsgd.levels();
  return {ranged(path + ".levels", levels, levels >= 1 && levels <= 127, "a number from 1 to 127"),
          qsgd.norm() == config::Qsgd::l2 ? QsgdNorm::l2 : QsgdNorm::max,
          bucket(path + ".bucket", qsgd.bucket())};
}

TwoBitOptions two_bit_of(const config::TwoBit& two_bit, const std::string& path) {
  return {bucket(path + ".bucket", two_bit.bucket())};
}

PyramidOptions pyramid_of(const config::Pyramid& pyramid, const std::string& path) {
  const std::uint32_t group = pyramid.group(), pulses = pyramid.pulses();
  return {ranged(path + ".group", group, group == 8 || group == 16 || group == 32 || group == 64,
                 "8, 16, 32 or 64"),
          ranged(path + ".pulses", pulses, pulses >= 1 && pulses <= 40, "a number from 1 to 40")};
}

/// `at` is the sparsifier; `quantizer` has the parameters of its values.
ValueFormat values_of(config::ValueFormat format, const config::Quantizer& quantizer, bool unbiased,
                      const std::string& at) {
  const std::string path = at + ".quantizer";
  const auto chosen = [&]() -> ValueFormat {
    switch (format) {
      case config::float32:
        return Float32Options{};
      case config::bf16:
        return Bf16Options{};
      case config::fp16:
        return Fp16Options{};
      case config::fp8_e4m3:
        return Fp8E4M3Options{};
      case config::fp8_e5m2:
        return Fp8E5M2Options{};
      case config::sign:
        return sign_of(quantizer.sign(), path + ".sign");
      case config::qsgd:
        return qsgd_of(quantizer.qsgd(), path + ".qsgd");
      case config::natural:
        return NaturalOptions{};
      case config::two_bit:
        return two_bit_of(quantizer.two_bit(), path + ".two_bit");
      case config::pyramid:
        return pyramid_of(quantizer.pyramid(), path + ".pyramid");
    }
    not_chosen("values");
  }();
  const auto& name = config::ValueFormat_Name(format);
  if (unbiased && !can_be_unbiased(chosen))
    throw ConfigError(
        at + ".values",
        fmt::format("{} is biased: choose another, or set {}.unbiased=false", name, at));
  const auto* given = quantizer.GetReflection()->GetOneofFieldDescriptor(
      quantizer, config::Quantizer::descriptor()->FindOneofByName("format"));
  if (given != nullptr && given->name() != name)
    throw ConfigError(path + "." + given->name(), fmt::format("the values are {}", name));
  return chosen;
}

IndexCoding coding_of(config::TopK::Indices indices) {
  switch (indices) {
    case config::TopK::automatic:
      return IndexCoding::automatic;
    case config::TopK::raw32:
      return IndexCoding::raw32;
  }
  not_chosen("indices");
}

TopKOptions top_k_of(const config::TopK& c, const std::string& path) {
  return {density(path + ".density", c.density()),
          values_of(c.values(), c.quantizer(), false, path), coding_of(c.indices())};
}

RandKOptions rand_k_of(const config::RandK& c, const std::string& path) {
  return {density(path + ".density", c.density()), c.unbiased(), c.shared(),
          values_of(c.values(), c.quantizer(), c.unbiased(), path)};
}

StratifiedRandKOptions stratified_rand_k_of(const config::StratifiedRandK& c,
                                            const std::string& path) {
  return {density(path + ".density", c.density()), c.unbiased(), c.shared(),
          values_of(c.values(), c.quantizer(), c.unbiased(), path)};
}

PermKOptions perm_k_of(const config::PermK& c, const std::string& path) {
  return {c.unbiased(), values_of(c.values(), c.quantizer(), c.unbiased(), path)};
}

ThresholdOptions threshold_of(const config::Threshold& c, const std::string& path) {
  ThresholdOptions options{.at = positive(path + ".at", c.at()),
                           .values = values_of(c.values(), c.quantizer(), false, path)};
  switch (c.relative_to()) {
    case config::Threshold::mean_square:
      options.relative_to = ThresholdOptions::RelativeTo::mean_square;
      break;
    case config::Threshold::largest:
      options.relative_to = ThresholdOptions::RelativeTo::largest;
      ranged(path + ".at", c.at(), c.at() <= 1, "at most 1, a part of the largest magnitude");
      break;
    case config::Threshold::one:
      options.relative_to = ThresholdOptions::RelativeTo::one;
      break;
  }
  return options;
}

BlockTopKOptions block_top_k_of(const config::BlockTopK& c, const std::string& path) {
  return {ranged(path + ".each", c.each(), c.each() >= 1 && c.each() <= 4096,
                 "a number from 1 to 4096"),
          values_of(c.values(), c.quantizer(), false, path),
          c.indices() == config::BlockTopK::block12 ? BlockTopKOptions::Indices::block12
                                                    : BlockTopKOptions::Indices::automatic};
}

DctTopKOptions dct_top_k_of(const config::DctTopK& c, const std::string& path) {
  return {
      ranged(path + ".keep", c.keep(), c.keep() >= 1 && c.keep() <= 64, "a number from 1 to 64"),
      values_of(c.values(), c.quantizer(), false, path)};
}

CompressorOptions compressor_of(const config::Compressor& c, const std::string& path) {
  switch (c.kind_case()) {
    case config::Compressor::kIdentity:
      return IdentityOptions{};
    case config::Compressor::kTopK:
      return top_k_of(c.top_k(), path + ".top_k");
    case config::Compressor::kRandK:
      return rand_k_of(c.rand_k(), path + ".rand_k");
    case config::Compressor::kStratifiedRandK:
      return stratified_rand_k_of(c.stratified_rand_k(), path + ".stratified_rand_k");
    case config::Compressor::kPermK:
      return perm_k_of(c.perm_k(), path + ".perm_k");
    case config::Compressor::kThreshold:
      return threshold_of(c.threshold(), path + ".threshold");
    case config::Compressor::kBlockTopK:
      return block_top_k_of(c.block_top_k(), path + ".block_top_k");
    case config::Compressor::kDctTopK:
      return dct_top_k_of(c.dct_top_k(), path + ".dct_top_k");
    case config::Compressor::kBf16:
      return QuantizerOptions{Bf16Options{}, c.bf16().unbiased()};
    case config::Compressor::kFp16:
      return QuantizerOptions{Fp16Options{}, c.fp16().unbiased()};
    case config::Compressor::kFp8E4M3:
      return QuantizerOptions{Fp8E4M3Options{}, c.fp8_e4m3().unbiased()};
    case config::Compressor::kFp8E5M2:
      return QuantizerOptions{Fp8E5M2Options{}, c.fp8_e5m2().unbiased()};
    case config::Compressor::kSign:
      return QuantizerOptions{sign_of(c.sign(), path + ".sign")};
    case config::Compressor::kQsgd:
      return QuantizerOptions{qsgd_of(c.qsgd(), path + ".qsgd"), true};
    case config::Compressor::kNatural:
      return QuantizerOptions{NaturalOptions{}, c.natural().unbiased()};
    case config::Compressor::kTwoBit:
      return QuantizerOptions{two_bit_of(c.two_bit(), path + ".two_bit")};
    case config::Compressor::kPyramid:
      return QuantizerOptions{pyramid_of(c.pyramid(), path + ".pyramid")};
    case config::Compressor::KIND_NOT_SET:
      break;
  }
  not_chosen("exchange.compressor");
}

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

/// What the method relies on, on a bucket that is full.
void check_method(const MethodOptions& method, const ExchangeOptions& exchange) {
  const Legs legs = legs_of(exchange, {{"bucket", 0, exchange.bucket_bytes / sizeof(float), 1}});
  std::visit(
      [&](const auto& options) {
        if constexpr (requires { check_legs(options, legs); }) check_legs(options, legs);
      },
      method);
}

// --------------------------------------------------------------------------------------- the rest

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
