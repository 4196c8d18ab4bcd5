#include "collectives/subgroup.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace laconic {
namespace {

class Subgroup final : public Transport {
 public:
  Subgroup(Transport& inner, std::vector<int> ranks) : inner_(inner), ranks_(std::move(ranks)) {
    const auto me = std::find(ranks_.begin(), ranks_.end(), inner.rank());
    check(me != ranks_.end(), "a group that this rank is in");
    rank_ = static_cast<int>(me - ranks_.begin());
  }

  std::string_view name() const override { return inner_.name(); }
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(ranks_.size()); }
  int host_of(int rank) const override { return inner_.host_of(ranks_[rank]); }
  Ticket post_send(int to, Tag tag, Bytes payload) override {
    return inner_.post_send(ranks_[to], tag, payload);
  }
  Ticket post_receive(int from, Tag tag, MutBytes into) override {
    return inner_.post_receive(ranks_[from], tag, into);
  }
  std::optional<std::size_t> poll(Ticket ticket) override { return inner_.poll(ticket); }
  std::size_t wait(Ticket ticket) override { return inner_.wait(ticket); }
  Ticket wait_any(std::span<const Ticket> tickets) override { return inner_.wait_any(tickets); }
  void wake() noexcept override { inner_.wake(); }
  void abort(std::string_view why, ExitStatus status) noexcept override {
    inner_.abort(why, status);
  }

 private:
  Transport& inner_;
  const std::vector<int> ranks_;
  int rank_;
};

}  // namespace

std::unique_ptr<Transport> subgroup(Transport& inner, std::vector<int> ranks) {
  return std::make_unique<Subgroup>(inner, std::move(ranks));
}

}  // namespace laconic
