#include "collectives/exchange/round.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace laconic {

void Round::begin(MutFloats vector, MutFloats sent, const Step& step) {
  check(!under_way_, "finish() comes before the next begin()");
  check(vector.size() == length_, "the vector is as long as the layout");
  check(sent.empty() || sent.size() == length_, "sent is empty or as long as the layout");
  if (step.participants.empty()) {
    participants_.resize(transport_.size());
    std::iota(participants_.begin(), participants_.end(), 0);
  } else {
    participants_.assign(step.participants.begin(), step.participants.end());
    for (std::size_t i = 0; i < participants_.size(); ++i)
      check(participants_[i] < transport_.size() &&
                participants_[i] > (i == 0 ? -1 : participants_[i - 1]),
            "participants are ranks, ascending");
  }
  landing_.begin(vector);
  vector_ = vector, sent_ = sent, step_ = step.index, key_ = step.key;
  under_way_ = true;
}

Site Round::site(RngPurpose purpose, Slice where, Scratch& scratch) const {
  const RngKey shared = derive(derive(key_, static_cast<std::uint64_t>(purpose)), where.begin);
  return {derive(shared, static_cast<std::uint64_t>(rank())), shared, rank(), ranks(), scratch};
}

bool Round::takes_part(int rank) const {
  return std::binary_search(participants_.begin(), participants_.end(), rank);
}

}  // namespace laconic
