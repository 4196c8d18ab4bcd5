#include "collectives/transports/tcp.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cmath>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/errors.h"
#include "collectives/transports/tcp/address.h"
#include "collectives/transports/tcp/handshake.h"
#include "collectives/transports/tcp/reactor.h"
#include "collectives/transports/tcp/rendezvous.h"
#include "collectives/transports/tcp/tls.h"

namespace laconic {
namespace {

namespace asio = boost::asio;
using tcp::Clock;
using tcp::Connection;

constexpr const char* kHasLeft = "it has left the group";

/// How long a dead group's connections are kept open for the reason to get through.
constexpr auto kLastWords = std::chrono::seconds(2);

Clock::duration seconds(double s) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
}

/// A posted send or receive, until its rank has asked how it ended.
struct Operation {
  int peer;
  std::uint16_t channel;
  bool is_send;
  bool done = false;
  std::size_t bytes = 0;
};

class Tcp final : public Transport, private Connection::Owner {
 public:
  Tcp(const TcpOptions& options, Log log);
  ~Tcp() override;

  std::string_view name() const override { return "tcp"; }
  int rank() const override { return options_.rank; }
  int size() const override { return options_.ranks; }
  int host_of(int rank) const override { return group_.hosts.at(rank); }

  Ticket post_send(int to, Tag tag, Bytes payload) override;
  Ticket post_receive(int from, Tag tag, MutBytes into) override;
  std::optional<std::size_t> poll(Ticket ticket) override;
  std::size_t wait(Ticket ticket) override;
  Ticket wait_any(std::span<const Ticket> tickets) override;
  void wake() noexcept override;
  void abort(std::string_view why, ExitStatus status) noexcept override;

 private:
  void on_ready(Connection&) override {}
  void on_control(Connection& connection, tcp::FrameType type, Bytes payload) override;
  void on_received(std::uint64_t ticket, std::size_t bytes) override { finish(ticket, bytes); }
  void on_sent(std::uint64_t ticket, std::size_t bytes) override { finish(ticket, bytes); }
  void on_left(Connection& connection) override;
  void on_broken(Connection& connection, std::string_view why) override;
  void on_error(const TransportError& error) override { fail(error); }

  std::pair<Ticket, Connection*> post(int peer, Tag tag, bool is_send);
  Operation& find(Ticket ticket);
  std::size_t take(Ticket ticket);
  void finish(std::uint64_t ticket, std::size_t bytes);
  std::optional<Ticket> first_done(std::span<const Ticket> tickets);
  Ticket drive(std::span<const Ticket> tickets, bool may_be_woken);

  void fail(const TransportError& error);
  void fail(const TransportError& error, const tcp::Notice& notice);
  void fail_operation(const Operation& operation, std::string_view why);
  void fail_peer(int peer, std::string_view why);
  void throw_if_failed() const;
  void beat_later();
  void beat();
  int rank_of(const Connection& connection) const;
  void close_all();
  bool all_closed() const;

  const TcpOptions options_;
  const Log log_;
  std::optional<tcp::TlsContext> tls_;
  tcp::Reactor reactor_;
  asio::steady_timer heartbeat_, last_words_;
  tcp::Group group_;

  // Touched only by the thread that has the reactor's turn.
  std::unordered_map<std::uint64_t, Operation> operations_;
  std::uint64_t last_id_ = 0;
  std::optional<TransportError> failure_;

  std::atomic<bool> woken_{false};
  std::atomic<bool> heeds_wake_{false};  // somebody is in wait_any
};

Tcp::Tcp(const TcpOptions& options, Log log)
    : options_(options),
      log_(std::move(log)),
      heartbeat_(reactor_.io()),
      last_words_(reactor_.io()) {
  if (options_.tls) tls_.emplace(*options_.tls);
  group_ = tcp::rendezvous(reactor_.io(), options_, tls_ ? &*tls_ : nullptr, log_);
  for (const auto& peer : group_.peers)
    if (peer) peer->set_owner(*this);
  beat_later();
  reactor_.start_helper();
}

/// What was sent may still be on its way: closing a socket on which something comes in meanwhile, a
/// heartbeat say, would reset the connection and destroy it. So each peer's end of the stream is
/// waited for.
Tcp::~Tcp() {
  reactor_.stop_helper();
  if (!operations_.empty())
    fail(TransportError(rank(), "gave up", "it left with operations unfinished"));
  for (const auto& peer : group_.peers)
    if (peer) peer->leave();
  const auto until = Clock::now() + (failure_ ? kLastWords : seconds(options_.deadline_seconds));
  while (!all_closed() && reactor_.io().run_one_until(until) > 0) {
  }
  close_all();
}

// -------------------------------------------------------------------------------- operations

std::pair<Ticket, Connection*> Tcp::post(int peer, Tag tag, bool is_send) {
  check(peer >= 0 && peer < size() && peer != rank(), "a peer is another rank of the group");
  throw_if_failed();
  const Ticket ticket{++last_id_};
  operations_[ticket.id] = {.peer = peer, .channel = tag.channel, .is_send = is_send};
  return {ticket, group_.peers[peer].get()};
}

Ticket Tcp::post_send(int to, Tag tag, Bytes payload) {
  const tcp::Reactor::Turn turn(reactor_);
  const auto [ticket, connection] = post(to, tag, true);
  if (connection->closed()) fail_operation(operations_[ticket.id], kHasLeft);
  throw_if_failed();
  connection->send(ticket.id, tag, payload);
  return ticket;
}

Ticket Tcp::post_receive(int from, Tag tag, MutBytes into) {
  const tcp::Reactor::Turn turn(reactor_);
  const auto [ticket, connection] = post(from, tag, false);
  try {
    connection->receive(ticket.id, tag.channel, into);
  } catch (const TransportError& too_long) {
    fail(too_long);
  }
  throw_if_failed();
  const Operation& operation = operations_[ticket.id];
  if (connection->closed() && !operation.done) fail_operation(operation, kHasLeft);
  throw_if_failed();
  return ticket;
}

std::optional<std::size_t> Tcp::poll(Ticket ticket) {
  const tcp::Reactor::Turn turn(reactor_);
  throw_if_failed();
  if (!find(ticket).done) {
    const tcp::Reactor::Driving driving(reactor_);
    reactor_.io().poll();
    throw_if_failed();
    if (!find(ticket).done) return std::nullopt;
  }
  return take(ticket);
}

std::size_t Tcp::wait(Ticket ticket) {
  const tcp::Reactor::Turn turn(reactor_);
  drive({&ticket, 1}, false);
  return take(ticket);
}

Ticket Tcp::wait_any(std::span<const Ticket> tickets) {
  const tcp::Reactor::Turn turn(reactor_);
  heeds_wake_ = true;
  struct Deaf {
    std::atomic<bool>& heeds;
    ~Deaf() { heeds = false; }
  } const deaf{heeds_wake_};
  return drive(tickets, true);
}

/// Serves the sockets until one of `tickets` is done, or wake() ends it.
Ticket Tcp::drive(std::span<const Ticket> tickets, bool may_be_woken) {
  const auto ended = [&]() -> std::optional<Ticket> {
    throw_if_failed();
    if (const auto done = first_done(tickets)) return done;
    if (may_be_woken && woken_.exchange(false)) return Ticket{};
    return std::nullopt;
  };
  if (const auto ticket = ended()) return *ticket;
  // With no tickets it is a thread of this process that is waited for: it may take its time.
  const auto deadline = tickets.empty() ? Clock::time_point::max()
                                        : Clock::now() + seconds(options_.deadline_seconds);
  tcp::Reactor::Driving driving(reactor_);
  for (;;) {
    if (!driving.run_one(deadline))
      fail_operation(find(tickets.front()), "not done within its deadline");
    if (const auto ticket = ended()) return *ticket;
  }
}

std::optional<Ticket> Tcp::first_done(std::span<const Ticket> tickets) {
  for (const Ticket ticket : tickets)
    if (find(ticket).done) return ticket;
  return std::nullopt;
}

Operation& Tcp::find(Ticket ticket) {
  const auto found = operations_.find(ticket.id);
  check(found != operations_.end(), "a ticket that was posted and not yet waited for");
  return found->second;
}

std::size_t Tcp::take(Ticket ticket) { return operations_.extract(ticket.id).mapped().bytes; }

void Tcp::finish(std::uint64_t ticket, std::size_t bytes) {
  const auto found = operations_.find(ticket);
  if (found == operations_.end()) return;
  found->second.done = true;
  found->second.bytes = bytes;
}

/// Either the waiting thread sees woken_ before it sleeps, or we see that it heeds.
void Tcp::wake() noexcept {
  woken_ = true;
  if (heeds_wake_) reactor_.interrupt();
}

// ----------------------------------------------------------------------------------- failure

/// The first one counts, here and, by the notice, everywhere.
void Tcp::fail(const TransportError& error, const tcp::Notice& notice) {
  if (failure_) return;
  failure_ = error;
  operations_.clear();
  const auto payload = tcp::encode(notice);
  for (const auto& peer : group_.peers)
    if (peer) peer->give_up(payload);
  // Who does not read by then, because messages that he has not asked for fill his buffers, sees
  // the end of the connection.
  last_words_.expires_after(kLastWords);
  last_words_.async_wait([this](const tcp::ErrorCode& cancelled) {
    if (!cancelled) close_all();
  });
}

void Tcp::fail(const TransportError& error) {
  fail(error, {static_cast<std::uint32_t>(rank()), error.what()});
}

void Tcp::fail_operation(const Operation& operation, std::string_view why) {
  const std::string what = std::string(operation.is_send ? "send" : "receive") + " on channel " +
                           std::to_string(operation.channel);
  fail(TransportError(operation.peer, what, why));
}

void Tcp::fail_peer(int peer, std::string_view why) {
  const auto open = std::find_if(operations_.begin(), operations_.end(), [&](const auto& entry) {
    return entry.second.peer == peer && !entry.second.done;
  });
  if (open != operations_.end())
    fail_operation(open->second, why);
  else
    fail(TransportError(peer, "connection", why));
}

void Tcp::throw_if_failed() const {
  if (failure_) throw TransportError(*failure_);
}

void Tcp::on_control(Connection&, tcp::FrameType type, Bytes payload) {
  check(type == tcp::FrameType::abort, "the inbox lets no other frame through");
  const tcp::Notice notice = tcp::decode_notice(payload);
  fail(TransportError(static_cast<int>(notice.origin), "gave up", notice.cause), notice);
}

void Tcp::on_left(Connection& connection) {
  const int peer = rank_of(connection);
  for (const auto& [id, operation] : operations_)
    if (operation.peer == peer && !operation.done) return fail_operation(operation, kHasLeft);
}

void Tcp::on_broken(Connection& connection, std::string_view why) {
  fail_peer(rank_of(connection), why);
}

/// Also from another thread than the one that waits, whose wait ends first. When it returns, the
/// notice is with the kernel.
void Tcp::abort(std::string_view why, ExitStatus) noexcept {
  const tcp::Notice notice{static_cast<std::uint32_t>(rank()), std::string(why)};
  asio::post(reactor_.io(),
             [this, notice] { fail(TransportError(rank(), "gave up", notice.cause), notice); });
  const tcp::Reactor::Turn turn(reactor_);
  reactor_.io().poll();
}

void Tcp::beat_later() {
  heartbeat_.expires_after(seconds(options_.heartbeat_seconds));
  heartbeat_.async_wait([this](const tcp::ErrorCode& cancelled) {
    if (cancelled) return;
    beat();
    beat_later();
  });
}

void Tcp::beat() {
  for (int r = 0; r < size(); ++r) {
    if (r == rank()) continue;
    Connection& peer = *group_.peers[r];
    const double silent = peer.beat(options_.heartbeat_seconds) * options_.heartbeat_seconds;
    if (silent < options_.dead_after_seconds) continue;
    fail_peer(r, fmt::format("not a sign of life for {:g} s", silent));
    peer.close();
  }
}

int Tcp::rank_of(const Connection& connection) const {
  const auto found = std::find_if(group_.peers.begin(), group_.peers.end(),
                                  [&](const auto& peer) { return peer.get() == &connection; });
  return static_cast<int>(found - group_.peers.begin());
}

void Tcp::close_all() {
  for (const auto& peer : group_.peers)
    if (peer) peer->close();
}

bool Tcp::all_closed() const {
  return std::all_of(group_.peers.begin(), group_.peers.end(),
                     [](const auto& peer) { return peer == nullptr || peer->closed(); });
}

void check_options(const TcpOptions& o) {
  const auto positive = [](double v) { return std::isfinite(v) && v > 0; };
  if (o.ranks < 1 || o.ranks > static_cast<int>(tcp::kMaxRanks))
    throw ConfigError("--ranks", "from 1 to " + std::to_string(tcp::kMaxRanks));
  if (o.rank < 0 || o.rank >= o.ranks)
    throw ConfigError("--rank", "from 0 to ranks - 1 = " + std::to_string(o.ranks - 1) + ", is " +
                                    std::to_string(o.rank));
  tcp::parse_host_port("--rendezvous", o.rendezvous);
  if (!positive(o.deadline_seconds)) throw ConfigError("deadline_seconds", "more than 0");
  if (!positive(o.heartbeat_seconds)) throw ConfigError("heartbeat_seconds", "more than 0");
  if (!positive(o.dead_after_seconds) || o.dead_after_seconds < 2 * o.heartbeat_seconds)
    throw ConfigError("dead_after_seconds", "at least two heartbeats");
  if (o.job.size() > 64) throw ConfigError("job", "at most 64 characters");
}

}  // namespace

std::unique_ptr<Transport> make_tcp_transport(const TcpOptions& options, Log log) {
  check_options(options);
  return std::make_unique<Tcp>(options, std::move(log));
}

}  // namespace laconic
