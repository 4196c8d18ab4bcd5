#include "train/config_parts.h"

#include "train/config_checks.h"

// A switch over a oneof names every member and has no default, so that the compiler finds the one
// that was added to the schema and forgotten here.
namespace laconic::from_config {
namespace {

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
          .noise = not_negative(path + ".noise", b.noise()),
          .start = not_negative(path + ".start", b.start())};
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

}  // namespace

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

}  // namespace laconic::from_config
