#include "train/run_state.h"

#include <bit>
#include <vector>

namespace laconic {
namespace {

/// The fields in the order in which they are stored; `visit` gets a reference to each.
template <typename State, typename Visit>
void for_each_field(State& s, Visit visit) {
  visit(s.steps);
  for (auto* seconds :
       {&s.seconds, &s.compute, &s.compress, &s.wait, &s.decode, &s.apply, &s.hidden})
    visit(*seconds);
  visit(s.loss_sum);
  visit(s.losses);
  for (auto* count : {&s.sent, &s.received})
    for (auto* bytes :
         {&count->values, &count->indices, &count->framing, &count->dense, &count->control})
      visit(*bytes);
  auto& scores = s.last_scores;
  for (auto* score :
       {&scores.loss, &scores.accuracy, &scores.gap, &scores.distance, &scores.robust_loss})
    visit(*score);
  visit(scores.examples);
  visit(s.best_accuracy);
}

}  // namespace

void RunState::save(StateWriter& writer) const {
  std::vector<std::uint64_t> words;
  for_each_field(*this,
                 [&](const auto& field) { words.push_back(std::bit_cast<std::uint64_t>(field)); });
  writer.u64("fields", words);
}

void RunState::load(StateReader& reader) {
  const auto words = reader.u64s("fields");
  std::size_t next = 0;
  for_each_field(*this, [&]<typename T>(T& field) { field = std::bit_cast<T>(words.at(next++)); });
}

}  // namespace laconic
