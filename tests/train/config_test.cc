#include "train/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/errors.h"

namespace laconic {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kQuadratic = "problem { quadratic {} } steps: 10\n";
const std::string kClassifier =
    "problem { classifier { fedavg_cnn {} } } data { fashion_mnist {} }\n";
const std::string kTopK = kQuadratic + "exchange { gather {} compressor { top_k {} } }\n";
const std::string kRandK = kQuadratic + "exchange { gather {} compressor { rand_k {} } }\n";

Experiment parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_experiment(text, "x.textproto", overrides);
}

/// What the ConfigError says; empty if there is none.
std::string refusal(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    parse(text, overrides);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

TEST(Config, DefaultsAreAllWrittenOut) {
  const Experiment e = parse(kQuadratic);
  EXPECT_EQ(e.text, R"(name: "run"
seed: 1
epochs: 1
steps: 10
problem {
  quadratic {
    dimensions: 1000
    condition: 10
    spread: 1
  }
}
method {
  sync_sgd {
    batch: 32
    schedule {
      rate: 0.1
      warm_up_steps: 0
      constant {
      }
    }
    sgd {
      momentum: 0
      weight_decay: 0
      nesterov: false
    }
  }
}
exchange {
  dense {
    allreduce: "ring"
  }
  bucket_bytes: 1048576
  overlap: true
  late: false
  threads: 1
  checksum: true
}
report {
  every: 20
  score_every: 0
  verify_every: 100
  links: false
}
checkpoint {
  every: 200
  keep: 2
}
transport {
  deadline: 60
}
compute_threads: 1
)");
}

TEST(Config, CompressedExchangesHaveDefaultsOfTheirOwn) {
  const Experiment e = parse(kQuadratic + "exchange { gather {} }");
  EXPECT_THAT(e.text, HasSubstr("top_k {\n      density: 0.01\n      values: float32\n"
                                "      indices: automatic\n"));
  EXPECT_THAT(e.text, HasSubstr("error_feedback {\n    on: true\n    scale: 1\n    decay: 1\n"));
  EXPECT_THAT(e.text, HasSubstr("density_warm_up {\n    steps: 0\n    stages: 4\n"));
  EXPECT_TRUE(e.warnings.empty());
}

TEST(Config, TheWayDownIsAsTheWayUpUnlessItIsGiven) {
  const std::string owner =
      kQuadratic + "exchange { owner {} compressor { top_k { density: 0.5 } } ";
  const Experiment same = parse(owner + "error_feedback { decay: 0.5 } }");
  EXPECT_TRUE(std::holds_alternative<OwnerOptions>(same.exchange.kind));
  EXPECT_EQ(std::get<TopKOptions>(same.exchange.down->compressor).density, 0.5);
  EXPECT_EQ(same.exchange.down->feedback.decay, 0.5);
  const Experiment other = parse(owner + "down { compressor { rand_k {} } } }",
                                 {"exchange.star.hub=2", "exchange.down.error_feedback.scale=2"});
  EXPECT_EQ(std::get<StarOptions>(other.exchange.kind).hub, 2);
  EXPECT_TRUE(std::holds_alternative<RandKOptions>(other.exchange.down->compressor));
  EXPECT_EQ(other.exchange.down->feedback.scale, 2);
  EXPECT_EQ(other.exchange.feedback.scale, 1);
  const Experiment none = parse(owner + "}", {"exchange.gather={}", "exchange.down={}"});
  EXPECT_FALSE(none.exchange.down.has_value());
  EXPECT_THAT(none.warnings, testing::ElementsAre(HasSubstr("exchange.down: has no effect")));
}

TEST(Config, TextReadsBackAsItself) {
  for (const auto& text :
       {kQuadratic, kClassifier, kTopK, kRandK, kQuadratic + "exchange { owner {} }",
        kQuadratic + "seed: 18446744073709551615 method { sync_sgd { adamw { epsilon: 1.1e-7 } "
                     "schedule { rate: 0.30000000000000004 drops { factor: 0.3 } } } } "
                     "debug { kill_at { rank: 1 step: 7 } }",
        std::string("problem { classifier { mlp { hidden: [200, 100] } } } data { idx { "
                    "train_images: 'a' train_labels: 'b' test_images: 'c \\\"\\n' test_labels: 'd' "
                    "classes: 3 } partition: by_label }")}) {
    const Experiment once = parse(text), twice = parse(once.text);
    EXPECT_EQ(once.text, twice.text);
    EXPECT_EQ(once.hash, twice.hash);
  }
}

TEST(Config, BecomesOptions) {
  const Experiment e = parse(R"(
      name: "a-b_c.1" seed: 7 epochs: 2.5 compute_threads: 2
      problem { classifier { mlp { hidden: 20 hidden: 10 } } }
      data { npy { train_examples: "a" train_labels: "b" test_examples: "c" test_labels: "d"
                   classes: 4 } partition: contiguous }
      method { sync_sgd { batch: 0 adamw { beta1: 0.5 }
                          schedule { rate: 0.25 warm_up_steps: 5 linear { floor: 0.5 } } } }
      exchange { gather {} compressor { rand_k { density: 0.5 shared: false values: bf16 } }
                 error_feedback { scale: 2 decay: 0.5 } density_warm_up { steps: 9 stages: 3 }
                 bucket_bytes: 4096 }
      report { every: 1 score_every: 2 verify_every: 0 } checkpoint { every: 0 keep: 3 }
      transport { deadline: 1.5 } debug { throw_at { rank: 2 step: 4 } })");
  EXPECT_EQ(e.name, "a-b_c.1");
  EXPECT_EQ(e.seed, 7u);
  EXPECT_EQ(e.epochs, 2.5);
  EXPECT_FALSE(e.steps);
  EXPECT_EQ(e.compute_threads, 2);
  const auto& problem = std::get<ClassifierProblem>(e.problem);
  EXPECT_EQ(std::get<MlpOptions>(problem.model).hidden, (std::vector<std::uint32_t>{20, 10}));
  EXPECT_EQ(std::get<NpyOptions>(problem.data).test_labels, "d");
  EXPECT_EQ(std::get<NpyOptions>(problem.data).classes, 4u);
  EXPECT_EQ(problem.partition, Partition::contiguous);
  const auto& method = std::get<SyncSgdOptions>(e.method);
  EXPECT_EQ(method.batch, 0u);
  EXPECT_EQ(method.schedule.rate, 0.25);
  EXPECT_EQ(method.schedule.warm_up_steps, 5u);
  EXPECT_EQ(std::get<LinearSchedule>(method.schedule.shape).floor, 0.5);
  EXPECT_EQ(std::get<AdamWOptions>(method.rule).beta1, 0.5f);
  EXPECT_TRUE(std::holds_alternative<GatherOptions>(e.exchange.kind));
  const auto& rand_k = std::get<RandKOptions>(e.exchange.compressor);
  EXPECT_EQ(rand_k.density, 0.5);
  EXPECT_FALSE(rand_k.shared);
  EXPECT_FALSE(rand_k.unbiased);
  EXPECT_TRUE(rand_k.values == ValueFormat(Bf16Options{}));
  EXPECT_EQ(e.exchange.feedback.scale, 2);
  EXPECT_EQ(e.exchange.feedback.decay, 0.5);
  EXPECT_EQ(e.exchange.warm_up.steps, 9u);
  EXPECT_EQ(e.exchange.warm_up.stages, 3);
  EXPECT_EQ(e.exchange.bucket_bytes, 4096u);
  EXPECT_EQ(e.report.every, 1u);
  EXPECT_EQ(e.report.verify_every, 0u);
  EXPECT_EQ(e.checkpoint.every, 0u);
  EXPECT_EQ(e.checkpoint.keep, 3u);
  EXPECT_EQ(e.deadline_seconds, 1.5);
  EXPECT_EQ(e.throw_at->rank, 2);
  EXPECT_EQ(e.throw_at->step, 4u);
  EXPECT_FALSE(e.kill_at);
}

TEST(Config, ProblemsBecomeOptions) {
  const auto options = [](const std::string& problem) {
    return parse("steps: 1 " + problem).problem;
  };
  const auto quadratic =
      std::get<QuadraticOptions>(options("problem { quadratic { box { low: -2 high: 3 } } }"));
  EXPECT_EQ(std::get<BoxProx>(quadratic.prox).low, -2);
  EXPECT_EQ(std::get<BoxProx>(quadratic.prox).high, 3);
  const auto bilinear = std::get<BilinearOptions>(
      options("problem { bilinear { dimensions: 9 condition: 8 spread: 7 diagonal: true "
              "scale_range: 6 pieces: 5 noise: 4 } }"));
  EXPECT_EQ(bilinear.dimensions, 9u);
  EXPECT_EQ(bilinear.condition, 8);
  EXPECT_EQ(bilinear.spread, 7);
  EXPECT_TRUE(bilinear.diagonal);
  EXPECT_EQ(bilinear.scale_range, 6);
  EXPECT_EQ(bilinear.pieces, 5u);
  EXPECT_EQ(bilinear.noise, 4);
  const auto game = std::get<MatrixGameOptions>(
      options("problem { matrix_game { houses: 9 reach: 8 spread: 7 } }"));
  EXPECT_EQ(game.houses, 9u);
  EXPECT_EQ(game.reach, 8);
  EXPECT_EQ(game.spread, 7);
  const auto regression = std::get<RobustRegressionOptions>(
      options("problem { robust_regression { w_radius: 2 r_radius: 3 w_l2: 4 r_l2: 5 } } "
              "data { libsvm { path: 'a' } partition: by_label }"));
  EXPECT_EQ(regression.path, "a");
  EXPECT_EQ(regression.w_radius, 2);
  EXPECT_EQ(regression.r_radius, 3);
  EXPECT_EQ(regression.w_l2, 4);
  EXPECT_EQ(regression.r_l2, 5);
  EXPECT_EQ(regression.partition, Partition::by_label);
}

TEST(Config, UnknownFieldsAreRefusedByPathWithTheNearestName) {
  EXPECT_EQ(refusal("steps: 10\nproblem {\n  quadratic { dimension: 5 }\n}"),
            "x.textproto:3:15: problem.quadratic.dimension: there is no such field; did you mean "
            "dimensions?");
  EXPECT_EQ(refusal("epoch: 3"),
            "x.textproto:1:1: epoch: there is no such field; did you mean "
            "epochs?");
  EXPECT_EQ(refusal("exchange { gather {} compressor <\n topk { density: 1 } > }"),
            "x.textproto:2:2: exchange.compressor.topk: there is no such field; did you mean "
            "top_k?");
  EXPECT_EQ(refusal("checkpoint { colour: 1 }"),
            "x.textproto:1:14: checkpoint.colour: there is no such field; known: every, keep");
  EXPECT_THAT(refusal("seed: 1 # comment: {\nname: \"x: {\" sed: 2"),
              StartsWith("x.textproto:2:14: sed: there is no such field; did you mean seed?"));
}

TEST(Config, UnknownEnumerationValuesAreRefusedWithTheNearestName) {
  EXPECT_EQ(refusal("data {\n  partition: shufled }"),
            "x.textproto:2:14: data.partition: there is no \"shufled\"; did you mean shuffled?");
  EXPECT_EQ(refusal(kTopK, {"exchange.compressor.top_k.values=bf61"}),
            "--set exchange.compressor.top_k.values=bf61: exchange.compressor.top_k.values: there "
            "is no \"bf61\"; did you mean bf16?");
}

TEST(Config, WhatDoesNotParseIsRefusedWithLineAndColumn) {
  EXPECT_THAT(refusal("seed: 1\nepochs: many"), StartsWith("x.textproto:2:9: epochs: "));
  EXPECT_THAT(refusal("seed: -1"), StartsWith("x.textproto:1:7: seed: "));
  EXPECT_THAT(refusal("compute_threads: 4294967296"),
              StartsWith("x.textproto:1:18: compute_threads: "));
  EXPECT_THAT(refusal("problem { quadratic {"), StartsWith("x.textproto:1:"));
  EXPECT_THAT(refusal("name: \"open"), StartsWith("x.textproto:1:"));
  EXPECT_THAT(refusal("}"), StartsWith("x.textproto:1:1: "));
  EXPECT_THAT(refusal("seed 1"), StartsWith("x.textproto:1:6: "));
}

TEST(Config, NothingIsSaidTwice) {
  EXPECT_THAT(refusal(kQuadratic + "seed: 1 seed: 2"), HasSubstr("multiple times"));
  EXPECT_THAT(refusal(kTopK + "exchange { gather {} }"), HasSubstr("multiple times"));
  EXPECT_THAT(refusal(kQuadratic + "exchange { dense {} gather {} }"), HasSubstr("oneof"));
}

TEST(Config, OverridesSetFields) {
  const Experiment e =
      parse(kTopK, {"name=over", "seed=5", "exchange.compressor.top_k.density=0.25",
                    "exchange.compressor.top_k.indices=raw32", "exchange.error_feedback.on=false",
                    "method.sync_sgd.sgd.momentum=0.5", "exchange.error_feedback.decay=0.5"});
  EXPECT_EQ(e.name, "over");
  EXPECT_EQ(e.seed, 5u);
  EXPECT_EQ(std::get<TopKOptions>(e.exchange.compressor).density, 0.25);
  EXPECT_EQ(std::get<TopKOptions>(e.exchange.compressor).indices, IndexCoding::raw32);
  EXPECT_FALSE(e.exchange.feedback.on);
  EXPECT_EQ(e.exchange.feedback.decay, 0.5);
  EXPECT_EQ(std::get<SgdOptions>(std::get<SyncSgdOptions>(e.method).rule).momentum, 0.5f);
}

TEST(Config, LaterOverridesWin) { EXPECT_EQ(parse(kQuadratic, {"seed=5", "seed=6"}).seed, 6u); }

TEST(Config, OverridesChooseMembersOfAOneof) {
  EXPECT_TRUE(std::holds_alternative<RandKOptions>(
      parse(kTopK, {"exchange.compressor.rand_k.density=0.5"}).exchange.compressor));
  EXPECT_TRUE(std::holds_alternative<GatherOptions>(
      parse(kQuadratic, {"exchange.gather={}"}).exchange.kind));
  EXPECT_TRUE(
      std::holds_alternative<DenseOptions>(parse(kTopK, {"exchange.dense={}"}).exchange.kind));
}

TEST(Config, OverridesReplaceMessagesAndListsAndAppendValues) {
  const auto hidden = [](const std::vector<std::string>& overrides) {
    const auto e =
        parse("problem { classifier { mlp { hidden: 1 hidden: 2 } } } data { fashion_mnist {} }",
              overrides);
    return std::get<MlpOptions>(std::get<ClassifierProblem>(e.problem).model).hidden;
  };
  using Widths = std::vector<std::uint32_t>;
  EXPECT_EQ(hidden({"problem.classifier.mlp.hidden=3"}), (Widths{1, 2, 3}));
  EXPECT_EQ(hidden({"problem.classifier.mlp.hidden=[5, 6]"}), (Widths{5, 6}));
  EXPECT_EQ(hidden({"problem.classifier.mlp.hidden=[]"}), Widths{});
  EXPECT_EQ(hidden({"problem.classifier.mlp={hidden: 9}"}), Widths{9});
}

TEST(Config, StringsInOverridesNeedNoQuotes) {
  const auto path = [](const std::string& value) {
    const auto e = parse(kClassifier, {"data.fashion_mnist.path=" + value});
    return std::get<FashionMnistOptions>(std::get<ClassifierProblem>(e.problem).data).path;
  };
  EXPECT_EQ(path("/data/a=b c"), "/data/a=b c");
  EXPECT_EQ(path("\"/data/\\\"q\\\"\""), "/data/\"q\"");
}

TEST(Config, BadOverridesAreRefused) {
  EXPECT_EQ(refusal(kTopK, {"exchange.compresor.top_k.density=1"}),
            "--set exchange.compresor.top_k.density=1: exchange.compresor: there is no such field; "
            "did you mean compressor?");
  EXPECT_THAT(refusal(kTopK, {"seed"}), HasSubstr("must look like field.path=value"));
  EXPECT_THAT(refusal(kTopK, {"=1"}), HasSubstr("there is no such field"));
  EXPECT_THAT(refusal(kTopK, {"seed.x=1"}), HasSubstr("seed: has no fields of its own"));
  EXPECT_THAT(refusal(kTopK, {"exchange.gather=1"}), HasSubstr("is a message"));
  EXPECT_THAT(
      refusal(kTopK, {"exchange.dense={allreduc: \"ring\"}"}),
      HasSubstr("exchange.dense.allreduc: there is no such field; did you mean allreduce?"));
  EXPECT_THAT(refusal(kTopK, {"seed=1 name: \"two\""}), HasSubstr("takes one value"));
  EXPECT_THAT(refusal(kTopK, {"seed=abc"}), StartsWith("--set seed=abc: seed: "));
  EXPECT_THAT(refusal(kTopK, {"seed="}), StartsWith("--set seed=: seed: "));
}

struct Refusal {
  std::string text, override, field, expected;
};

void PrintTo(const Refusal& r, std::ostream* out) {
  *out << (r.override.empty() ? r.text : r.override);
}

class ConfigRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(ConfigRefuses, NamingTheFieldAndWhatWasExpected) {
  const auto& [text, override, field, expected] = GetParam();
  std::vector<std::string> overrides;
  if (!override.empty()) overrides.push_back(override);
  EXPECT_THAT(refusal(text, overrides), AllOf(StartsWith(field + ": "), HasSubstr(expected)));
}

const std::string kIdx =
    "problem { classifier { logistic {} } } data { idx { train_images: 'a' "
    "train_labels: 'b' test_images: 'c' test_labels: 'd' classes: 2 } }";
const std::string kA9a = "problem { logistic {} } data { libsvm { path: 'a9a' } }";

INSTANTIATE_TEST_SUITE_P(
    Missing, ConfigRefuses,
    testing::Values(
        Refusal{"", "", "problem", "required: one of classifier, quadratic, logistic, "},
        Refusal{"problem {} ", "", "problem", "required: one of"},
        Refusal{"problem { classifier {} } data { fashion_mnist {} }", "", "problem.classifier",
                "required: one of logistic, mlp, fedavg_cnn, small_cnn"},
        Refusal{"problem { classifier { fedavg_cnn {} } }", "", "data",
                "required: one of fashion_mnist, idx, npy, libsvm"},
        Refusal{"problem { logistic {} }", "", "data", "required"},
        Refusal{"problem { logistic {} } data { libsvm {} }", "", "data.libsvm.path", "required"},
        Refusal{"problem { classifier { logistic {} } } data { idx { train_images: 'a' } }", "",
                "data.idx.train_labels", "required"},
        Refusal{"problem { classifier { logistic {} } } data { npy {} }", "",
                "data.npy.train_examples", "required"},
        Refusal{"problem { quadratic {} }", "", "steps", "required"},
        Refusal{"problem { bilinear {} }", "", "steps", "problem.bilinear has no examples"},
        Refusal{"problem { matrix_game {} }", "", "steps", "required"},
        Refusal{"problem { robust_regression {} }", "", "data", "required"},
        Refusal{kQuadratic, "debug.throw_at.rank=1", "debug.throw_at.step", "required"},
        Refusal{kQuadratic, "debug.kill_at.step=1", "debug.kill_at.rank", "required"}));

INSTANTIATE_TEST_SUITE_P(
    OutOfPlace, ConfigRefuses,
    testing::Values(
        Refusal{kQuadratic + "data { fashion_mnist {} }", "", "data", "has none"},
        Refusal{kClassifier, "data.libsvm.path=a9a", "data.libsvm", "fashion_mnist, idx, npy"},
        Refusal{kA9a, "data.fashion_mnist={}", "data", "expected libsvm"},
        Refusal{"problem { robust_regression {} } data { fashion_mnist {} }", "", "data",
                "expected libsvm"},
        Refusal{kQuadratic + "exchange { gather {} compressor { identity {} } }",
                "exchange.density_warm_up.steps=5", "exchange.density_warm_up.steps",
                "has no density"},
        Refusal{kQuadratic, "exchange.dense.allreduce=rings", "exchange.dense.allreduce",
                "there is no \"rings\"; did you mean ring?"},
        Refusal{kQuadratic, "method.sync_sgd.sgd.nesterov=true", "method.sync_sgd.sgd.nesterov",
                "momentum above 0"},
        Refusal{kRandK, "exchange.compressor.rand_k.unbiased=true", "exchange.compressor.rand_k",
                "residual would grow"},
        Refusal{kRandK, "exchange.compressor.rand_k={unbiased: true values: sign}",
                "exchange.compressor.rand_k.values", "sign is biased"},
        Refusal{kTopK, "exchange.compressor.top_k={values: bf16 quantizer { sign {} }}",
                "exchange.compressor.top_k.quantizer.sign", "the values are bf16"},
        Refusal{kQuadratic + "exchange { star {} down { compressor { rand_k {} } } }",
                "exchange.down.compressor.rand_k.unbiased=true", "exchange.down.compressor.rand_k",
                "residual would grow"}));

INSTANTIATE_TEST_SUITE_P(
    OutOfRange, ConfigRefuses,
    testing::Values(
        Refusal{kQuadratic, "name=a/b", "name", "expected letters"},
        Refusal{kQuadratic, "name=..", "name", "expected letters"},
        Refusal{kQuadratic, "name=", "name", "expected letters"},
        Refusal{kQuadratic, "epochs=0", "epochs", "above 0, is 0"},
        Refusal{kQuadratic, "epochs=nan", "epochs", "above 0, is nan"},
        Refusal{kQuadratic, "epochs=inf", "epochs", "above 0, is inf"},
        Refusal{kQuadratic, "steps=0", "steps", "at least 1, is 0"},
        Refusal{kQuadratic, "compute_threads=0", "compute_threads", "from 1"},
        Refusal{kQuadratic, "problem.quadratic.dimensions=0", "problem.quadratic.dimensions",
                "at least 1"},
        Refusal{kQuadratic, "problem.quadratic.condition=0.5", "problem.quadratic.condition",
                "from 1, is 0.5"},
        Refusal{kQuadratic, "problem.quadratic.box={low: 2 high: 1}", "problem.quadratic.box.low",
                "at most high, is 2"},
        Refusal{kQuadratic, "problem.quadratic.ball.radius=0", "problem.quadratic.ball.radius",
                "above 0"},
        Refusal{kQuadratic, "problem.bilinear.condition=1", "problem.bilinear.condition",
                "above 1, is 1"},
        Refusal{kQuadratic, "problem.bilinear.scale_range=0.5", "problem.bilinear.scale_range",
                "from 1"},
        Refusal{kQuadratic, "problem.matrix_game.houses=0", "problem.matrix_game.houses",
                "at least 1"},
        Refusal{kQuadratic, "problem.matrix_game.reach=0", "problem.matrix_game.reach", "above 0"},
        Refusal{kA9a, "problem.robust_regression.r_l2=0.5", "problem.robust_regression.r_l2",
                "w_radius squared"},
        Refusal{kQuadratic, "problem.quadratic.spread=-1", "problem.quadratic.spread", "is -1"},
        Refusal{kA9a, "problem.logistic.l2=-1", "problem.logistic.l2", "is -1"},
        Refusal{kClassifier, "problem.classifier.mlp.hidden=0", "problem.classifier.mlp.hidden",
                "at least 1"},
        Refusal{kClassifier, "problem.classifier.small_cnn.hidden=0",
                "problem.classifier.small_cnn.hidden", "at least 1"},
        Refusal{kIdx, "data.idx.classes=1", "data.idx.classes", "at least 2, is 1"},
        Refusal{kQuadratic, "method.sync_sgd.schedule.rate=0", "method.sync_sgd.schedule.rate",
                "above 0"},
        Refusal{kQuadratic, "method.sync_sgd.schedule.drops.every=0",
                "method.sync_sgd.schedule.drops.every", "at least 1"},
        Refusal{kQuadratic, "method.sync_sgd.schedule.drops.factor=0",
                "method.sync_sgd.schedule.drops.factor", "above 0"},
        Refusal{kQuadratic, "method.sync_sgd.schedule.cosine.floor=2",
                "method.sync_sgd.schedule.cosine.floor", "[0, 1]"},
        Refusal{kQuadratic, "method.sync_sgd.schedule.linear.floor=-1",
                "method.sync_sgd.schedule.linear.floor", "[0, 1]"},
        Refusal{kQuadratic, "method.sync_sgd.sgd.momentum=1", "method.sync_sgd.sgd.momentum",
                "[0, 1)"},
        Refusal{kQuadratic, "method.sync_sgd.sgd.weight_decay=-1",
                "method.sync_sgd.sgd.weight_decay", "is -1"},
        Refusal{kQuadratic, "method.sync_sgd.adamw.beta1=1", "method.sync_sgd.adamw.beta1",
                "[0, 1)"},
        Refusal{kQuadratic, "method.sync_sgd.adamw.beta2=-0.1", "method.sync_sgd.adamw.beta2",
                "[0, 1)"},
        Refusal{kQuadratic, "method.sync_sgd.adamw.epsilon=0", "method.sync_sgd.adamw.epsilon",
                "above 0"},
        Refusal{kQuadratic, "method.sync_sgd.adamw.weight_decay=-1",
                "method.sync_sgd.adamw.weight_decay", "is -1"}));

INSTANTIATE_TEST_SUITE_P(
    ExchangeOutOfRange, ConfigRefuses,
    testing::Values(
        Refusal{kTopK, "exchange.compressor.top_k.density=0", "exchange.compressor.top_k.density",
                "expected a number in (0, 1], is 0"},
        Refusal{kTopK, "exchange.compressor.top_k.density=2", "exchange.compressor.top_k.density",
                "expected a number in (0, 1], is 2"},
        Refusal{kRandK, "exchange.compressor.rand_k.density=nan",
                "exchange.compressor.rand_k.density", "is nan"},
        Refusal{kTopK, "exchange.compressor.sign.bucket=100", "exchange.compressor.sign.bucket",
                "a multiple of 64 up to 65,536, is 100"},
        Refusal{kTopK, "exchange.compressor.qsgd.levels=128", "exchange.compressor.qsgd.levels",
                "from 1 to 127, is 128"},
        Refusal{kTopK, "exchange.compressor.pyramid.group=10", "exchange.compressor.pyramid.group",
                "8, 16, 32 or 64, is 10"},
        Refusal{kTopK, "exchange.compressor.pyramid.pulses=0", "exchange.compressor.pyramid.pulses",
                "from 1 to 40, is 0"},
        Refusal{kTopK, "exchange.compressor.qsgd.levels=3", "exchange.compressor.qsgd",
                "residual would grow"},
        Refusal{kTopK, "exchange.error_feedback.decay=1.5", "exchange.error_feedback.decay",
                "[0, 1], is 1.5"},
        Refusal{kQuadratic + "exchange { owner {} }", "exchange.down.compressor.top_k.density=2",
                "exchange.down.compressor.top_k.density", "is 2"},
        Refusal{kTopK, "exchange.error_feedback.scale=0", "exchange.error_feedback.scale",
                "above 0"},
        Refusal{kTopK, "exchange.density_warm_up.stages=0", "exchange.density_warm_up.stages",
                "at least 1"},
        Refusal{kTopK, "exchange.threads=0", "exchange.threads", "from 1 to 1024, is 0"},
        Refusal{kTopK, "exchange.bucket_bytes=3", "exchange.bucket_bytes", "at least 4, is 3"},
        Refusal{kQuadratic, "report.every=0", "report.every", "at least 1"},
        Refusal{kQuadratic, "checkpoint.keep=1", "checkpoint.keep", "at least 2, is 1"},
        Refusal{kQuadratic, "transport.deadline=0", "transport.deadline", "above 0"}));

TEST(Config, DoubtfulChoicesAreAllowedWithAWarning) {
  using testing::ElementsAre;
  EXPECT_THAT(parse(kTopK, {"exchange.error_feedback.on=false"}).warnings,
              ElementsAre(HasSubstr("exchange.compressor.top_k: is biased")));
  const Experiment dense = parse(kTopK, {"exchange.dense={}", "exchange.error_feedback.on=true"});
  EXPECT_THAT(dense.warnings, ElementsAre(HasSubstr("exchange.compressor: has no effect"),
                                          HasSubstr("exchange.error_feedback: has no effect")));
  EXPECT_EQ(dense.text, parse(kQuadratic).text);
  EXPECT_EQ(dense.hash, parse(kQuadratic).hash);
}

TEST(Config, QuantizersAreCompressorsAndWhatSparsifiersSendValuesIn) {
  const auto compressor = [](const std::string& text) {
    const std::string exchange = "exchange { gather {} compressor { " + text + " } }";
    const Experiment e = parse(kQuadratic + exchange);
    EXPECT_EQ(parse(e.text).text, e.text);
    return e.exchange.compressor;
  };
  const auto quantizer = [&](const std::string& text, const ValueFormat& format, bool unbiased) {
    const auto options = std::get<QuantizerOptions>(compressor(text));
    EXPECT_TRUE(options.values == format) << text;
    EXPECT_EQ(options.unbiased, unbiased) << text;
  };
  quantizer("bf16 {}", Bf16Options{}, false);
  quantizer("fp16 { unbiased: true }", Fp16Options{}, true);
  quantizer("fp8_e4m3 {}", Fp8E4M3Options{}, false);
  quantizer("fp8_e5m2 { unbiased: true }", Fp8E5M2Options{}, true);
  quantizer("qsgd {}", QsgdOptions{}, true);
  quantizer("natural {}", NaturalOptions{}, true);
  quantizer("natural { unbiased: false }", NaturalOptions{}, false);
  quantizer("two_bit { bucket: 64 }", TwoBitOptions{.bucket = 64}, false);
  quantizer("pyramid { group: 16 pulses: 40 }", PyramidOptions{.group = 16, .pulses = 40}, false);
  quantizer("sign { bucket: 256 }", SignOptions{.bucket = 256}, false);
  const auto values = [&](const std::string& text, const ValueFormat& format) {
    EXPECT_TRUE(std::get<TopKOptions>(compressor("top_k { " + text + " }")).values == format)
        << text;
  };
  values("", Float32Options{});
  values("values: fp16", Fp16Options{});
  values("values: fp8_e4m3", Fp8E4M3Options{});
  values("values: fp8_e5m2", Fp8E5M2Options{});
  values("values: sign", SignOptions{});
  values("values: qsgd quantizer { qsgd { levels: 31 norm: l2 bucket: 128 } }",
         QsgdOptions{.levels = 31, .norm = QsgdNorm::l2, .bucket = 128});
  values("values: natural", NaturalOptions{});
  values("values: two_bit quantizer { two_bit { bucket: 128 } }", TwoBitOptions{.bucket = 128});
  values("values: pyramid quantizer { pyramid { pulses: 3 } }", PyramidOptions{.pulses = 3});
  values("values: sign quantizer { sign { bucket: 64 } }", SignOptions{.bucket = 64});
}

TEST(Config, UnbiasedCompressionWorksWithoutErrorFeedback) {
  const Experiment e = parse(
      kRandK, {"exchange.compressor.rand_k.unbiased=true", "exchange.error_feedback.on=false"});
  EXPECT_TRUE(e.warnings.empty());
}

TEST(Config, HashIsOfWhatDecidesTheBits) {
  const auto hash = [](const std::string& override) { return parse(kTopK, {override}).hash; };
  const auto plain = parse(kTopK).hash;
  for (const char* same : {"name=other", "report.every=1", "checkpoint.every=7",
                           "checkpoint.keep=5", "transport.deadline=5", "exchange.overlap=false",
                           "exchange.threads=2", "debug.kill_at={rank: 0 step: 3}"})
    EXPECT_EQ(hash(same), plain) << same;
  for (const char* other :
       {"seed=2", "steps=11", "epochs=2", "problem.quadratic.spread=2", "compute_threads=2",
        "method.sync_sgd.batch=31", "exchange.compressor.top_k.density=0.02",
        "exchange.bucket_bytes=4096", "exchange.error_feedback.decay=0.5"})
    EXPECT_NE(hash(other), plain) << other;
}

TEST(Config, AMissingFileIsAMistakeOfUsage) {
  EXPECT_THROW(read_experiment("/no/such/file.textproto", {}), ConfigError);
}

TEST(Config, EveryExperimentInTheTreeReads) {
  int read = 0;
  for (const auto& entry : std::filesystem::directory_iterator(LACONIC_CONFIGS)) {
    if (entry.path().extension() != ".textproto") continue;
    const Experiment e = read_experiment(entry.path(), {});
    EXPECT_EQ(e.name, entry.path().stem());
    const bool naive = e.name.find("naive") != std::string::npos;  // and for that warned of
    EXPECT_TRUE(e.warnings.empty() || naive) << entry.path();
    EXPECT_EQ(parse(e.text).text, e.text) << entry.path();
    ++read;
  }
  EXPECT_GE(read, 8);
}

}  // namespace
}  // namespace laconic
