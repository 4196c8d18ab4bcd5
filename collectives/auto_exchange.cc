#include "collectives/auto_exchange.h"

#include <utility>

#include "base/check.h"
#include "base/errors.h"

namespace laconic {

AutoExchange::AutoExchange(std::vector<ExchangeOptions> allowed, Transport& transport,
                           const Layout& layout)
    : allowed_(std::move(allowed)), transport_(transport), layout_(layout) {
  check(!allowed_.empty(), "an exchange to begin with");
  for (std::size_t i = allowed_.size(); i-- > 0;) chosen_ = make(i);  // the first stays
}

std::unique_ptr<Exchange> AutoExchange::make(std::size_t choice) const {
  return make_exchange(allowed_[choice], transport_, layout_);
}

void AutoExchange::choose(std::size_t choice) {
  check(choice < allowed_.size(), "a choice of what is allowed");
  if (choice == choice_) return;
  owed_.resize(flat_size(layout_));
  chosen_->release(owed_);
  times_ += chosen_->take_times();
  chosen_.reset();  // one at a time has memory
  chosen_ = make(choice);
  choice_ = choice;
}

void AutoExchange::begin(MutFloats vector, MutFloats sent, const Step& step) {
  vector_ = vector;
  chosen_->begin(vector, sent, step);
}

void AutoExchange::ready(Slice part) noexcept {
  if (owed_.empty()) chosen_->ready(part);
}

void AutoExchange::finish() {
  add_what_is_owed();
  chosen_->finish();
}

const Pieces& AutoExchange::finish_in_pieces() {
  add_what_is_owed();
  return chosen_->finish_in_pieces();
}

void AutoExchange::add_what_is_owed() {
  for (std::size_t i = 0; i < owed_.size(); ++i) vector_[i] += owed_[i];
  owed_ = {};
}

void AutoExchange::save(StateWriter& writer) const {
  writer.u64("choice", choice_);
  writer.floats("owed", owed_);
  StateWriter::Scope scope(writer, "chosen");
  chosen_->save(writer);
}

void AutoExchange::load(StateReader& reader) {
  const std::uint64_t choice = reader.u64("choice");
  std::vector<float> owed = reader.floats("owed");
  if (choice >= allowed_.size() || (!owed.empty() && owed.size() != flat_size(layout_)))
    throw DataError("checkpoint", "its exchange was chosen from others than these");
  choose(choice);
  owed_ = std::move(owed);
  StateReader::Scope scope(reader, "chosen");
  chosen_->load(reader);
}

void AutoExchange::release(MutFloats into) {
  for (std::size_t i = 0; i < owed_.size(); ++i) into[i] += owed_[i];
  owed_ = {};
  chosen_->release(into);
}

ExchangeTimes AutoExchange::take_times() {
  ExchangeTimes times = std::exchange(times_, {});
  return times += chosen_->take_times();
}

}  // namespace laconic
