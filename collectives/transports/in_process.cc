#include "collectives/transports/in_process.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/errors.h"
#include "collectives/transports/emulated_links.h"

// One mutex guards a group, each rank sleeps on a condition variable of its own, and whoever posts
// second copies: straight from the sender's buffer into the receiver's, with the mutex released.
// Emulated links cost no thread either: a message is told when it arrives, and a receiver sleeps
// until then.
namespace laconic {
namespace {

using Clock = Journey::Clock;
using Moment = Journey::Moment;
using OnItsWay = std::shared_ptr<const Journey>;  // null: is there at once

/// Up to here a message that nobody waits for yet is set aside, and its sender goes on. Longer ones
/// stay with the sender, so that no large message is copied twice.
constexpr std::size_t kSetAsideBytes = std::size_t{16} << 10;

constexpr Moment kAtOnce = Moment::min();

Clock::duration seconds(double s) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
}

/// A posted send or receive, until its rank has asked how it ended.
struct Operation {
  int peer;
  std::uint16_t channel;
  bool is_send;
  std::size_t bytes = 0;  // moved
  bool moved = false;
  OnItsWay journey = {};    // of its message; done once that, too, is over
  bool until_left = false;  // the sender's part of the journey is enough
};

/// Sent, but not yet asked for.
struct Message {
  Bytes payload;                     // the sender's, or what was set aside
  std::vector<std::byte> set_aside;  // empty if the sender still waits
  Operation* send;                   // null if it was set aside
  OnItsWay journey;
};

struct PostedReceive {
  Operation* receive;
  MutBytes into;
};

/// What waits for its counterpart on one channel between two ranks; only one side ever does.
struct Mailbox {
  std::deque<Message> messages;
  std::deque<PostedReceive> receives;
};

struct RankState {
  std::condition_variable changed;
  std::unordered_map<std::uint64_t, Operation> operations;
  std::map<std::pair<int, std::uint16_t>, Mailbox> inbox;  // by sender and channel
  int foreign_copies = 0;  // under way, by other ranks' threads, in memory of this rank
  bool woken = false;
  bool left = false;
};

/// Why the group is dead.
struct Failure {
  int origin;  // the rank that saw it
  std::string cause;
  std::optional<TransportError> error;  // what that rank's own waits throw, if it did not abort
};

struct Group {
  Group(int ranks, const InProcessOptions& o) : options(o), rank(ranks) {
    if (o.latency_seconds > 0 || o.bytes_per_second > 0)
      links.emplace(ranks, o.latency_seconds, o.bytes_per_second);
  }

  /// The first failure counts. Nothing is matched from then on.
  void fail(int origin, std::string cause, std::optional<TransportError> error) {
    if (failure) return;
    failure = {origin, std::move(cause), std::move(error)};
    for (RankState& r : rank) {
      r.inbox.clear();
      r.changed.notify_all();
    }
  }
  void fail(int origin, const TransportError& error) { fail(origin, error.what(), error); }

  /// Of a message that is sent now.
  OnItsWay journey(int from, int to, std::size_t bytes) {
    return links ? links->send(from, to, bytes, Clock::now()) : nullptr;
  }

  /// When the journey that a moved operation is on will be over, as far as that is known now: if it
  /// has not come by then, it is later.
  Moment due(const Operation& operation) {
    if (!operation.journey) return kAtOnce;
    if (operation.until_left) return operation.journey->leaves;
    links->settle(operation.journey->to, Clock::now());
    return operation.journey->earliest();
  }

  const InProcessOptions options;
  std::mutex mutex;  // guards all that follows
  std::optional<EmulatedLinks> links;
  std::vector<RankState> rank;
  std::optional<Failure> failure;
};

class InProcess final : public Transport, private SharedMemory {
 public:
  InProcess(std::shared_ptr<Group> group, int rank)
      : group_(std::move(group)), rank_(rank), me_(group_->rank[rank]) {}
  ~InProcess() override;

  std::string_view name() const override { return "in_process"; }
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(group_->rank.size()); }
  int host_of(int rank) const override {
    return group_->options.hosts.empty() ? 0 : group_->options.hosts[rank];
  }

  Ticket post_send(int to, Tag tag, Bytes payload) override;
  Ticket post_receive(int from, Tag tag, MutBytes into) override;
  std::optional<std::size_t> poll(Ticket ticket) override;
  std::size_t wait(Ticket ticket) override;
  Ticket wait_any(std::span<const Ticket> tickets) override;
  void wake() noexcept override;
  SharedMemory* shared_memory() override { return group_->options.shared_memory ? this : nullptr; }
  void abort(std::string_view why, ExitStatus status) noexcept override;

 private:
  MutBytes allocate(std::size_t bytes) override;
  std::optional<Place> place_of(Bytes mine) const override;
  MutBytes borrow(int peer, Place place, std::size_t bytes) override;
  void give_back(int peer) noexcept override;

  using Lock = std::unique_lock<std::mutex>;

  std::pair<Ticket, Operation*> post(int peer, Tag tag, bool is_send);
  void hand_over(Lock& lock, Message message, PostedReceive posted, int other);
  void throw_if_failed(Lock& lock);
  void buffers_back(Lock& lock);
  Operation& find(Ticket ticket);
  std::size_t take(Ticket ticket);
  std::optional<Ticket> first_done(std::span<const Ticket> tickets, Moment& wake_at);
  void sleep(Lock& lock, std::span<const Ticket> tickets, Moment until, Moment deadline);
  Moment deadline() const { return Clock::now() + seconds(group_->options.deadline_seconds); }

  const std::shared_ptr<Group> group_;
  const int rank_;
  RankState& me_;
  std::uint64_t last_id_ = 0;
  std::deque<std::vector<std::byte>> allocated_;
};

InProcess::~InProcess() {
  Lock lock(group_->mutex);
  me_.left = true;
  if (!me_.operations.empty()) group_->fail(rank_, "left with operations unfinished", std::nullopt);
  for (RankState& r : group_->rank) r.changed.notify_all();
  buffers_back(lock);
}

/// Also called on the way to an exception: when it flies, nobody touches this rank's buffers.
void InProcess::buffers_back(Lock& lock) {
  me_.changed.wait(lock, [&] { return me_.foreign_copies == 0; });
}

void InProcess::throw_if_failed(Lock& lock) {
  if (!group_->failure) return;
  buffers_back(lock);
  const Failure& failure = *group_->failure;
  if (failure.origin == rank_ && failure.error) throw TransportError(*failure.error);
  throw TransportError(failure.origin, "gave up", failure.cause);
}

std::pair<Ticket, Operation*> InProcess::post(int peer, Tag tag, bool is_send) {
  check(peer >= 0 && peer < size() && peer != rank_, "a peer is another rank of the group");
  const Ticket ticket{++last_id_};
  auto& operation =
      me_.operations[ticket.id] = {.peer = peer, .channel = tag.channel, .is_send = is_send};
  return {ticket, &operation};
}

Ticket InProcess::post_send(int to, Tag tag, Bytes payload) {
  Lock lock(group_->mutex);
  throw_if_failed(lock);
  const auto [ticket, send] = post(to, tag, true);
  const bool rendezvous = group_->options.rendezvous;
  send->journey = group_->journey(rank_, to, payload.size());
  send->until_left = !rendezvous;
  Mailbox& box = group_->rank[to].inbox[{rank_, tag.channel}];
  if (!box.receives.empty()) {
    const PostedReceive posted = box.receives.front();
    box.receives.pop_front();
    hand_over(lock, {payload, {}, send, send->journey}, posted, to);
  } else if (rendezvous || payload.size() > kSetAsideBytes) {
    box.messages.push_back({payload, {}, send, send->journey});
  } else {
    std::vector<std::byte> copy(payload.begin(), payload.end());
    const Bytes kept(copy);  // stays where it is when the vector moves
    box.messages.push_back({kept, std::move(copy), nullptr, send->journey});
    send->bytes = payload.size();
    send->moved = true;
  }
  return ticket;
}

Ticket InProcess::post_receive(int from, Tag tag, MutBytes into) {
  Lock lock(group_->mutex);
  throw_if_failed(lock);
  const auto [ticket, receive] = post(from, tag, false);
  Mailbox& box = me_.inbox[{from, tag.channel}];
  if (box.messages.empty()) {
    box.receives.push_back({receive, into});
  } else {
    Message message = std::move(box.messages.front());
    box.messages.pop_front();
    hand_over(lock, std::move(message), {receive, into}, from);
  }
  return ticket;
}

/// Copies a message where it was asked for. `other` is the rank at the other end: its buffer is
/// borrowed from under it, so an error there has to wait until the copy is made.
void InProcess::hand_over(Lock& lock, Message message, PostedReceive posted, int other) {
  const std::size_t bytes = message.payload.size();
  if (bytes > posted.into.size()) {
    const int sender = posted.receive->peer;
    const int receiver = sender == rank_ ? other : rank_;
    group_->fail(receiver, TransportError(sender, "receive",
                                          "a message of " + std::to_string(bytes) +
                                              " bytes for a buffer of " +
                                              std::to_string(posted.into.size())));
    throw_if_failed(lock);
  }
  RankState& them = group_->rank[other];
  ++them.foreign_copies;
  lock.unlock();
  if (bytes > 0) std::memcpy(posted.into.data(), message.payload.data(), bytes);
  lock.lock();
  --them.foreign_copies;
  posted.receive->journey = message.journey;
  for (Operation* operation : {posted.receive, message.send}) {
    if (operation == nullptr) continue;
    operation->bytes = bytes;
    operation->moved = true;
  }
  them.changed.notify_all();
}

Operation& InProcess::find(Ticket ticket) {
  const auto found = me_.operations.find(ticket.id);
  check(found != me_.operations.end(), "a ticket that was posted and not yet waited for");
  return found->second;
}

std::size_t InProcess::take(Ticket ticket) {
  return me_.operations.extract(ticket.id).mapped().bytes;
}

/// A ticket that is done, if any; else `wake_at` is brought forward to when the next one is due.
std::optional<Ticket> InProcess::first_done(std::span<const Ticket> tickets, Moment& wake_at) {
  for (const Ticket ticket : tickets) {
    const Operation& operation = find(ticket);
    if (!operation.moved) continue;
    const Moment due = group_->due(operation);
    if (due == kAtOnce || due <= Clock::now()) return ticket;
    wake_at = std::min(wake_at, due);
  }
  return std::nullopt;
}

/// Until something changed or `until`. Fails the group at the deadline, or when a peer can no
/// longer do its part.
void InProcess::sleep(Lock& lock, std::span<const Ticket> tickets, Moment until, Moment deadline) {
  for (const Ticket ticket : tickets) {
    const Operation& operation = find(ticket);
    const bool late = Clock::now() >= deadline;
    const bool orphan = !operation.moved && group_->rank[operation.peer].left;
    if (!late && !orphan) continue;
    const std::string what = std::string(operation.is_send ? "send" : "receive") + " on channel " +
                             std::to_string(operation.channel);
    group_->fail(rank_,
                 TransportError(operation.peer, what,
                                orphan ? "it has left the group" : "not done within its deadline"));
    throw_if_failed(lock);
  }
  if (tickets.empty())
    me_.changed.wait(lock);  // for a thread of this process, which may compute as long as it likes
  else
    me_.changed.wait_until(lock, until);
}

std::optional<std::size_t> InProcess::poll(Ticket ticket) {
  Lock lock(group_->mutex);
  throw_if_failed(lock);
  Moment unused = Moment::max();
  if (!first_done({&ticket, 1}, unused)) return std::nullopt;
  return take(ticket);
}

std::size_t InProcess::wait(Ticket ticket) {
  Lock lock(group_->mutex);
  const Moment latest = deadline();
  for (;;) {
    throw_if_failed(lock);
    Moment until = latest;
    if (first_done({&ticket, 1}, until)) return take(ticket);
    sleep(lock, {&ticket, 1}, until, latest);
  }
}

Ticket InProcess::wait_any(std::span<const Ticket> tickets) {
  Lock lock(group_->mutex);
  const Moment latest = deadline();
  for (;;) {
    throw_if_failed(lock);
    Moment until = latest;
    if (const auto done = first_done(tickets, until)) return *done;
    if (std::exchange(me_.woken, false)) return Ticket{};
    sleep(lock, tickets, until, latest);
  }
}

void InProcess::wake() noexcept {
  const Lock lock(group_->mutex);
  me_.woken = true;
  me_.changed.notify_all();
}

void InProcess::abort(std::string_view why, ExitStatus) noexcept {
  Lock lock(group_->mutex);
  group_->fail(rank_, std::string(why), std::nullopt);
  buffers_back(lock);
}

// ------------------------------------------------------------------------------ shared memory

MutBytes InProcess::allocate(std::size_t bytes) { return allocated_.emplace_back(bytes); }

std::optional<SharedMemory::Place> InProcess::place_of(Bytes mine) const {
  return reinterpret_cast<Place>(mine.data());
}

MutBytes InProcess::borrow(int peer, Place place, std::size_t bytes) {
  check(host_of(peer) == host_of(rank_), "memory of a rank of this machine");
  Lock lock(group_->mutex);
  throw_if_failed(lock);
  ++group_->rank[peer].foreign_copies;
  return {reinterpret_cast<std::byte*>(place), bytes};
}

void InProcess::give_back(int peer) noexcept {
  const Lock lock(group_->mutex);
  RankState& them = group_->rank[peer];
  if (--them.foreign_copies == 0) them.changed.notify_all();
}

void check_options(int ranks, const InProcessOptions& options) {
  const auto usable = [](double v) { return std::isfinite(v) && v >= 0; };
  if (ranks < 1) throw ConfigError("ranks", "at least 1");
  if (!options.hosts.empty() && options.hosts.size() != static_cast<std::size_t>(ranks))
    throw ConfigError("hosts", "one for each rank");
  if (!usable(options.latency_seconds)) throw ConfigError("latency_seconds", "0 or more");
  if (!usable(options.bytes_per_second)) throw ConfigError("bytes_per_second", "0 or more");
  if (!usable(options.deadline_seconds) || options.deadline_seconds == 0)
    throw ConfigError("deadline_seconds", "more than 0");
}

}  // namespace

std::vector<std::unique_ptr<Transport>> make_in_process_group(int ranks,
                                                              const InProcessOptions& options) {
  check_options(ranks, options);
  const auto group = std::make_shared<Group>(ranks, options);
  std::vector<std::unique_ptr<Transport>> views;
  for (int r = 0; r < ranks; ++r) views.push_back(std::make_unique<InProcess>(group, r));
  return views;
}

}  // namespace laconic
