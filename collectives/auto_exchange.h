#pragma once

#include <vector>

#include "collectives/exchange.h"

namespace laconic {

/// One of several exchanges, and between rounds another of them: what AUTO's decisions are carried
/// out by. Which one is best is not its business. What an exchange has kept back when it is left
/// goes into the next gradient, so that nothing is lost; that one round has no overlap.
class AutoExchange final : public Exchange {
 public:
  /// Begins with the first of `allowed`, at least one. `transport` and `layout` must outlive it.
  /// Throws ConfigError where the options of any of them do not fit.
  AutoExchange(std::vector<ExchangeOptions> allowed, Transport& transport, const Layout& layout);

  const std::vector<ExchangeOptions>& allowed() const { return allowed_; }
  std::size_t choice() const { return choice_; }

  /// Between finish() and begin(), at the same step on every rank. The same choice changes nothing.
  void choose(std::size_t choice);

  void begin(MutFloats vector, MutFloats sent, const Step& step) override;
  void ready(Slice part) noexcept override;
  void finish() override;
  const Pieces& finish_in_pieces() override;
  void abandon() noexcept override { chosen_->abandon(); }

  void save(StateWriter& writer) const override;
  void load(StateReader& reader) override;
  void drain() override { chosen_->drain(); }
  void release(MutFloats into) override;
  ExchangeTimes take_times() override;
  FeedbackNorms feedback_norms() const override { return chosen_->feedback_norms(); }
  std::vector<Span> take_spans() override { return chosen_->take_spans(); }

 private:
  std::unique_ptr<Exchange> make(std::size_t choice) const;
  void add_what_is_owed();

  const std::vector<ExchangeOptions> allowed_;
  Transport& transport_;
  const Layout& layout_;
  std::size_t choice_ = 0;
  std::unique_ptr<Exchange> chosen_;
  std::vector<float> owed_;  // of an exchange that was left; else empty
  MutFloats vector_;         // of the round
  ExchangeTimes times_;      // of exchanges that were left
};

}  // namespace laconic
