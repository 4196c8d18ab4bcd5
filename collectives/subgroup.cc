#include "collectives/subgroup.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "collectives/forwarding.h"

namespace laconic {
namespace {

class Subgroup final : public Forwarding {
 public:
  Subgroup(Transport& inner, std::vector<int> ranks) : Forwarding(inner), ranks_(std::move(ranks)) {
    const auto me = std::find(ranks_.begin(), ranks_.end(), inner.rank());
    check(me != ranks_.end(), "a group that this rank is in");
    rank_ = static_cast<int>(me - ranks_.begin());
  }

  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(ranks_.size()); }
  int host_of(int rank) const override { return inner().host_of(ranks_[rank]); }
  Ticket post_send(int to, Tag tag, Bytes payload) override {
    return inner().post_send(ranks_[to], tag, payload);
  }
  Ticket post_receive(int from, Tag tag, MutBytes into) override {
    return inner().post_receive(ranks_[from], tag, into);
  }

  // Both speak of the whole group.
  bool native_allreduce(MutFloats) override { return false; }
  SharedMemory* shared_memory() override { return nullptr; }

 private:
  const std::vector<int> ranks_;
  int rank_;
};

}  // namespace

std::unique_ptr<Transport> subgroup(Transport& inner, std::vector<int> ranks) {
  return std::make_unique<Subgroup>(inner, std::move(ranks));
}

}  // namespace laconic
