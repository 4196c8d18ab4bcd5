#include "methods/sync_sgd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/errors.h"

namespace laconic {
namespace {

using ::testing::ElementsAre;

/// f(x) = 1/2 |x|²; announces its two tensors in reverse, and writes down what it was asked.
class Bowl final : public Oracle {
 public:
  explicit Bowl(std::vector<std::string>& events) : events_(events) {}

  const Layout& layout() const override { return layout_; }
  void initialize(RngKey, MutFloats x) const override { std::fill(x.begin(), x.end(), 1.0f); }
  std::uint64_t examples() const override { return 0; }
  double evaluate(Floats at, const Sample& sample, MutFloats out, const ReadyFn& ready) override {
    events_.push_back("evaluate " + std::to_string(sample.draw) + " " +
                      std::to_string(sample.size));
    double loss = 0;
    for (std::size_t t = layout_.size(); t-- > 0;) {
      const Slice slice = slice_of(layout_[t]);
      for (std::size_t i = slice.begin; i < slice.end(); ++i) {
        out[i] = at[i];
        loss += 0.5 * at[i] * at[i];
      }
      ready(slice);
    }
    return loss;
  }
  bool has_prox() const override { return composite; }
  Scores score(Floats, Share) const override { return {}; }

  bool composite = false;

 private:
  Layout layout_{{"first", 0, 2, 1}, {"second", 2, 3, 1}};
  std::vector<std::string>& events_;
};

/// Stands for the average with ranks whose gradient is 0: halves what it is given.
class Halving final : public Exchange {
 public:
  explicit Halving(std::vector<std::string>& events) : events_(events) {}

  void begin(MutFloats vector, MutFloats sent, const Step& step) override {
    EXPECT_TRUE(sent.empty());
    vector_ = vector;
    events_.push_back("begin " + std::to_string(step.index));
  }
  void ready(Slice part) noexcept override {
    events_.push_back("ready " + std::to_string(part.begin));
  }
  void finish() override {
    events_.emplace_back("finish");
    for (float& value : vector_) value *= 0.5f;
  }
  const Pieces& finish_in_pieces() override {
    finish();
    return average_.emplace(vector_);
  }
  void abandon() noexcept override {}
  void save(StateWriter&) const override {}
  void load(StateReader&) override {}
  void release(MutFloats) override {}
  ExchangeTimes take_times() override { return {.compress = 1, .wait = 2, .decode = 3}; }

 private:
  MutFloats vector_;
  std::optional<WholeVector> average_;
  std::vector<std::string>& events_;
};

SyncSgdOptions options() {
  return {.batch = 8,
          .steps = 10,
          .schedule = {.rate = 0.5, .shape = LinearSchedule{}},
          .rule = SgdOptions{.momentum = 0.5f}};
}

TEST(SyncSgd, AStepIsBeginEvaluateReadyFinishApply) {
  std::vector<std::string> events;
  Bowl oracle(events);
  Halving exchange(events);
  const auto method = make_sync_sgd(options(), exchange, std::vector<float>(5, 1.0f));
  const Report report = method->step(oracle, Step{.index = 0, .key = {}, .participants = {}});
  EXPECT_THAT(events, ElementsAre("begin 0", "evaluate 0 8", "ready 2", "ready 0", "finish"));
  EXPECT_EQ(report.loss, 2.5);
  EXPECT_EQ(report.compress, 1);
  EXPECT_EQ(report.wait, 2);
  EXPECT_EQ(report.decode, 3);
  EXPECT_GE(report.compute, 0);
  for (const float value : method->parameters()) EXPECT_EQ(value, 1 - 0.5f * 0.5f);
}

TEST(SyncSgd, TheStepIndexChoosesDrawAndRate) {
  std::vector<std::string> events;
  Bowl oracle(events);
  Halving exchange(events);
  const auto method = make_sync_sgd(options(), exchange, std::vector<float>(5, 1.0f));
  method->step(oracle, Step{.index = 5, .key = {}, .participants = {}});
  EXPECT_EQ(events[1], "evaluate 5 8");
  for (const float value : method->parameters()) EXPECT_EQ(value, 1 - 0.25f * 0.5f);
}

TEST(SyncSgd, ResumesToTheSameBits) {
  std::vector<std::string> events;
  Bowl oracle(events);
  Halving exchange(events);
  const std::vector<float> start{1, -2, 3, -4, 5};
  const auto whole = make_sync_sgd(options(), exchange, start);
  auto part = make_sync_sgd(options(), exchange, start);
  for (std::uint64_t i = 0; i < 10; ++i) {
    if (i == 3) {
      StateWriter writer;
      part->save(writer);
      StateReader reader(writer.blob(), "test");
      part = make_sync_sgd(options(), exchange, std::vector<float>(5));
      part->load(reader);
    }
    whole->step(oracle, Step{.index = i, .key = {}, .participants = {}});
    part->step(oracle, Step{.index = i, .key = {}, .participants = {}});
  }
  EXPECT_TRUE(std::ranges::equal(whole->parameters(), part->parameters()));
  EXPECT_NE(whole->parameters()[0], start[0]);
}

TEST(SyncSgd, RefusesACompositeProblem) {
  std::vector<std::string> events;
  Bowl oracle(events);
  oracle.composite = true;
  Halving exchange(events);
  const auto method = make_sync_sgd(options(), exchange, std::vector<float>(5, 1.0f));
  EXPECT_THROW(method->step(oracle, Step{}), ConfigError);
  EXPECT_TRUE(events.empty());
}

TEST(SyncSgd, RefusesWhatTheScheduleRefuses) {
  std::vector<std::string> events;
  Halving exchange(events);
  SyncSgdOptions bad = options();
  bad.schedule.rate = -1;
  EXPECT_THROW(make_sync_sgd(bad, exchange, std::vector<float>(5)), ConfigError);
}

}  // namespace
}  // namespace laconic
