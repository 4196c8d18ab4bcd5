#include "collectives/exchange/late.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"

namespace laconic {
namespace {

class Late final : public Exchange {
 public:
  Late(std::unique_ptr<Exchange> inner, std::size_t length)
      : inner_(std::move(inner)), flying_(length) {}
  ~Late() override { abandon(); }

  void begin(MutFloats vector, MutFloats sent, const Step& step) override {
    check(!begun_, "finish() comes before the next begin()");
    check(vector.size() == flying_.size(), "the vector is as long as the layout");
    check(sent.empty(), "no sent of an average that comes late");
    vector_ = vector, step_ = step;
    participants_.assign(step.participants.begin(), step.participants.end());
    begun_ = true;
  }

  void ready(Slice) noexcept override {}

  void finish() override {
    check(begun_, "begin() comes before finish()");
    begun_ = false;
    drain();
    std::swap_ranges(vector_.begin(), vector_.end(), flying_.begin());
    step_.participants = participants_;
    inner_->begin(flying_, {}, step_);
    under_way_ = true;
    inner_->ready({0, flying_.size()});
  }

  const Pieces& finish_in_pieces() override {
    finish();
    return average_.emplace(vector_);
  }

  void drain() override {
    if (!std::exchange(under_way_, false)) return;
    inner_->finish();
    norms_ = inner_->feedback_norms();
  }

  void abandon() noexcept override {
    inner_->abandon();
    begun_ = under_way_ = false;
  }

  void save(StateWriter& writer) const override {
    check(!under_way_, "drain() comes before save()");
    writer.floats("pending", flying_);
    inner_->save(writer);
  }
  void load(StateReader& reader) override {
    drain();
    reader.floats("pending", flying_);
    inner_->load(reader);
  }

  void release(MutFloats into) override {
    drain();
    for (std::size_t i = 0; i < flying_.size(); ++i) into[i] += std::exchange(flying_[i], 0.0f);
    inner_->release(into);
  }

  ExchangeTimes take_times() override { return inner_->take_times(); }
  FeedbackNorms feedback_norms() const override { return norms_; }
  std::vector<Span> take_spans() override { return inner_->take_spans(); }

 private:
  const std::unique_ptr<Exchange> inner_;
  std::vector<float> flying_;  // a gradient while it is under way, else the average of it
  bool begun_ = false, under_way_ = false;
  FeedbackNorms norms_;  // of the last round that is through: the next one is at them
  MutFloats vector_;
  std::optional<WholeVector> average_;
  Step step_;
  std::vector<int> participants_;
};

}  // namespace

std::unique_ptr<Exchange> make_late(std::unique_ptr<Exchange> inner, std::size_t length) {
  return std::make_unique<Late>(std::move(inner), length);
}

}  // namespace laconic
