#include <algorithm>
#include <functional>
#include <unordered_map>

#include "base/check.h"
#include "collectives/cost_model.h"

// An algorithm says itself what it does: it runs once as each rank, against a transport on which
// every message arrives at once and that writes down what was asked of it. What the messages say
// does not matter, since no algorithm looks at values.
namespace laconic {
namespace {

/// More floats than this a rank are not needed to see what happens.
constexpr std::size_t kFloatsARank = 2048;

class Recorder final : public Transport, private SharedMemory {
 public:
  /// A receive outside of `vector` is a summand.
  Recorder(int rank, const LinkModel& links, MutFloats vector, double scale, Schedule& schedule)
      : rank_(rank), links_(links), vector_(vector), scale_(scale), schedule_(schedule) {}

  std::string_view name() const override { return "recorder"; }
  int rank() const override { return rank_; }
  int size() const override { return links_.ranks; }
  int host_of(int rank) const override { return links_.hosts[rank]; }

  Ticket post_send(int to, Tag, Bytes payload) override {
    schedule_.send(rank_, to, static_cast<double>(payload.size()) * scale_);
    return post({.is_send = true, .peer = to, .bytes = payload.size(), .is_summand = false});
  }

  Ticket post_receive(int from, Tag, MutBytes into) override {
    const auto* const begin = reinterpret_cast<const float*>(into.data());
    const bool inside = !std::less<>()(begin, vector_.data()) &&
                        std::less<>()(begin, vector_.data() + vector_.size());
    return post({.is_send = false, .peer = from, .bytes = into.size(), .is_summand = !inside});
  }

  std::size_t wait(Ticket ticket) override {
    const Operation operation = operations_.extract(ticket.id).mapped();
    if (operation.is_send) {
      schedule_.finish_send(rank_, operation.peer);
    } else {
      schedule_.receive(rank_, operation.peer);
      if (operation.is_summand)
        schedule_.compute(
            rank_, static_cast<double>(operation.bytes) * scale_ / links_.add_bytes_per_second);
    }
    return operation.bytes;
  }

  std::optional<std::size_t> poll(Ticket ticket) override { return wait(ticket); }
  Ticket wait_any(std::span<const Ticket> tickets) override { return tickets.front(); }
  void wake() noexcept override {}
  SharedMemory* shared_memory() override { return links_.shared_memory ? this : nullptr; }
  void abort(std::string_view, ExitStatus) noexcept override {}

 private:
  MutBytes allocate(std::size_t) override { return {}; }
  std::optional<Place> place_of(Bytes) const override { return 0; }
  /// Whoever borrows adds it to a sum, or copies it: as fast as a message between the two.
  MutBytes borrow(int peer, Place, std::size_t bytes) override {
    schedule_.compute(
        rank_, static_cast<double>(bytes) * scale_ / links_.link(peer, rank_).bytes_per_second);
    return std::as_writable_bytes(vector_).first(bytes);
  }
  void give_back(int) noexcept override {}

  struct Operation {
    bool is_send;
    int peer;
    std::size_t bytes;
    bool is_summand;
  };

  Ticket post(const Operation& operation) {
    operations_[++last_id_] = operation;
    return {last_id_};
  }

  const int rank_;
  const LinkModel& links_;
  const MutFloats vector_;
  const double scale_;
  Schedule& schedule_;
  std::unordered_map<std::uint64_t, Operation> operations_;
  std::uint64_t last_id_ = 0;
};

}  // namespace

Schedule schedule_of(const AllreduceAlgorithm& algorithm, std::size_t floats,
                     const LinkModel& links) {
  Schedule schedule(links.ranks);
  const std::size_t enough = kFloatsARank * static_cast<std::size_t>(links.ranks);
  std::vector<float> vector(std::min(floats, enough));
  const double scale =
      vector.empty() ? 1 : static_cast<double>(floats) / static_cast<double>(vector.size());
  Scratch scratch;
  for (int r = 0; r < links.ranks; ++r) {
    Recorder recorder(r, links, vector, scale, schedule);
    algorithm.run(recorder, vector, {channels::collective, Purpose::dense}, scratch);
  }
  return schedule;
}

}  // namespace laconic
