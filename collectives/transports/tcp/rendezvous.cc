#include "collectives/transports/tcp/rendezvous.h"

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/errors.h"
#include "collectives/transports/tcp/address.h"
#include "collectives/transports/tcp/dial.h"
#include "collectives/transports/tcp/handshake.h"

namespace laconic::tcp {
namespace {

using Clock = std::chrono::steady_clock;
using Acceptor = asio::ip::tcp::acceptor;
using ConnectionPtr = std::shared_ptr<Connection>;

/// A caller who has not said who he is by then is a stranger; who does not answer our hello is no
/// Laconic.
constexpr auto kPatience = std::chrono::seconds(10);

/// How long a failed rendezvous tells those who still come.
constexpr auto kFarewell = std::chrono::seconds(2);

/// Callers that have not said who they are, besides one for each rank.
constexpr std::size_t kMostStrangers = 64;

/// After a failure to accept, for want of descriptors say.
constexpr auto kAcceptPause = std::chrono::seconds(1);

constexpr const char* kRendezvous = "rendezvous";

Clock::duration seconds(double s) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
}

class Rendezvous final : public std::enable_shared_from_this<Rendezvous>,
                         private Connection::Owner {
 public:
  Rendezvous(asio::io_context& io, const TcpOptions& options, const TlsContext* tls,
             const Log& log);

  /// Call stop() afterwards, whatever comes of it.
  Group run();
  void stop();

 private:
  /// A connection whose other end has yet to say who it is.
  struct Guest {
    ConnectionPtr connection;
    Clock::time_point since = Clock::now();
    int dialled = -1;                 // the rank that should answer; -1: it came by itself
    std::optional<Hello> hello = {};  // of one that came before we knew the session
  };

  /// absent → welcome (hellos are said, rank 0's table is not) → seated (messages may flow)
  enum class State { absent, welcome, seated };
  struct Peer {
    State state = State::absent;
    ConnectionPtr connection;
    Seat seat;
  };

  void on_ready(Connection& connection) override;
  void on_control(Connection& connection, FrameType type, Bytes payload) override;
  void on_received(std::uint64_t, std::size_t) override {}
  void on_sent(std::uint64_t, std::size_t) override {}
  void on_left(Connection&) override {}  // it was through before us
  void on_broken(Connection& connection, std::string_view why) override;
  void on_error(const TransportError& error) override { fail(error); }

  std::vector<asio::ip::address> listening_addresses() const;
  bool listen(const Endpoint& endpoint);
  void accept(Acceptor& acceptor);
  void dial(int rank, HostPort where);
  void receive_guest(Socket socket, int dialled);
  void limit_strangers();
  void tick();

  void on_hello(Guest guest, const Hello& hello);
  void meet_as_root(Guest guest, const Hello& hello);
  void meet(Guest guest, const Hello& hello);
  void on_welcome(Guest guest);
  void on_table(const Table& table);
  void send_table();
  void seat(int rank, ConnectionPtr connection);
  std::optional<TransportError> contradiction(const Guest& guest, const Hello& hello) const;
  std::optional<TransportError> unreachable() const;

  void turned_away(const Connection& connection, std::string_view why);
  void refuse(Guest guest, const std::string& why);
  void fail(const TransportError& error);
  void fail(const TransportError& error, Notice notice);
  void farewell();
  TransportError lateness() const;

  Guest take(const Connection& connection);
  Guest* find(const Connection& connection);
  int rank_of(const Connection& connection) const;
  bool complete() const;
  Group group() const;

  asio::io_context& io_;
  const TcpOptions& options_;
  const HostPort where_;
  const TlsContext* tls_;
  const Log& log_;
  std::optional<Interface> interface_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::map<int, std::shared_ptr<Dial>> dials_;
  asio::steady_timer timer_;
  std::vector<Guest> guests_;
  std::vector<ConnectionPtr> refused_;
  std::vector<Peer> peers_;
  std::uint64_t session_ = 0;  // 0: not known yet
  int hellos_ = 0;             // that came, right or wrong
  std::string last_turned_away_;
  bool stopped_ = false;
  std::optional<TransportError> failure_;
  Notice notice_;  // the failure, as others are told
};

Rendezvous::Rendezvous(asio::io_context& io, const TcpOptions& options, const TlsContext* tls,
                       const Log& log)
    : io_(io),
      options_(options),
      where_(parse_host_port("--rendezvous", options.rendezvous)),
      tls_(tls),
      log_(log),
      timer_(io),
      peers_(options.ranks) {
  if (!options.interface.empty()) interface_ = find_interface(options.interface);
  peers_[options.rank].seat.host = this_host();
}

Group Rendezvous::run() {
  const auto deadline = Clock::now() + seconds(options_.deadline_seconds);
  if (options_.rank != 0) {
    dial(0, where_);
  } else {
    bool any = false;
    for (const auto& address : listening_addresses()) any |= listen({address, where_.port});
    if (!any)
      throw TransportError(-1, kRendezvous,
                           to_text(where_) + " is no address of this machine to listen on");
  }
  tick();
  while (!complete() && !failure_) {
    // Rank 0 knows who is missing, and may have begun after us.
    const bool told = options_.rank != 0 && peers_[0].state == State::welcome;
    if (io_.run_one_until(told ? deadline + kFarewell : deadline) == 0) fail(lateness());
  }
  if (failure_) {
    farewell();
    throw TransportError(*failure_);
  }
  return group();
}

/// Handlers that are on their way already find it stopped.
void Rendezvous::stop() {
  stopped_ = true;
  timer_.cancel();
  acceptors_.clear();
  for (const auto& [rank, dialling] : dials_) dialling->stop();
  for (const Guest& guest : guests_) guest.connection->close();
  for (const ConnectionPtr& connection : refused_) connection->close();
  for (const Peer& peer : peers_)
    if (peer.connection && !complete()) peer.connection->close();
}

bool Rendezvous::complete() const {
  return std::count_if(peers_.begin(), peers_.end(), [](const Peer& peer) {
           return peer.state == State::seated;
         }) == options_.ranks - 1;
}

Group Rendezvous::group() const {
  Group group;
  std::vector<std::string> hosts;
  for (const Peer& peer : peers_) {
    group.peers.push_back(peer.connection);
    const auto known = std::find(hosts.begin(), hosts.end(), peer.seat.host);
    group.hosts.push_back(static_cast<int>(known - hosts.begin()));
    if (known == hosts.end()) hosts.push_back(peer.seat.host);
  }
  return group;
}

// ---------------------------------------------------------------------- how connections come about

/// An address stands for itself. A name only has to lead the others here, by whatever interface:
/// that it resolves to the loopback on its own machine, as many do, must not keep them out.
std::vector<asio::ip::address> Rendezvous::listening_addresses() const {
  using asio::ip::address_v4;
  using asio::ip::address_v6;
  const auto literal = literal_address(where_.host);
  if (literal && !literal->is_unspecified()) return {*literal};
  if (where_.host == "localhost") return {address_v4::loopback(), address_v6::loopback()};
  if (literal && literal->is_v4() && !interface_) return {address_v4::any()};
  if (!interface_) return {address_v4::any(), address_v6::any()};
  std::vector<asio::ip::address> addresses;
  for (const auto& address : {interface_->v4, interface_->v6})
    if (address) addresses.push_back(*address);
  return addresses;
}

/// False if this machine has no such address; any other hindrance is an error.
bool Rendezvous::listen(const Endpoint& endpoint) {
  auto acceptor = std::make_unique<Acceptor>(io_);
  ErrorCode error;
  acceptor->open(endpoint.protocol(), error);
  if (error) return false;  // no IPv6 here, say
  acceptor->set_option(Acceptor::reuse_address(true));
  if (endpoint.address().is_v6()) acceptor->set_option(asio::ip::v6_only(true));
  acceptor->bind(endpoint, error);
  if (error == boost::system::errc::address_not_available) return false;
  if (!error) acceptor->listen(Acceptor::max_listen_connections, error);
  if (error)
    throw TransportError(-1, kRendezvous,
                         "cannot listen on " +
                             to_text({endpoint.address().to_string(), endpoint.port()}) + ": " +
                             error.message());
  acceptors_.push_back(std::move(acceptor));
  accept(*acceptors_.back());
  return true;
}

void Rendezvous::accept(Acceptor& acceptor) {
  acceptor.async_accept([self = shared_from_this(), &acceptor](ErrorCode error, Socket socket) {
    if (self->stopped_) return;
    if (!error) {
      self->receive_guest(std::move(socket), -1);
      return self->accept(acceptor);
    }
    self->log_->warn("tcp: cannot accept a connection: {}", error.message());
    auto pause = std::make_shared<asio::steady_timer>(self->io_, kAcceptPause);
    pause->async_wait([self, pause, &acceptor](ErrorCode) {
      if (!self->stopped_) self->accept(acceptor);
    });
  });
}

void Rendezvous::dial(int rank, HostPort where) {
  auto& dialling = dials_[rank];
  dialling = std::make_shared<Dial>(io_, std::move(where), interface_, [this, rank](Socket socket) {
    // Where rank 0 is reached from is where the others can reach us.
    ErrorCode gone;
    const Endpoint local = socket.local_endpoint(gone);
    if (rank == 0 && !gone) listen({local.address(), 0});
    receive_guest(std::move(socket), rank);
  });
  dialling->start();
}

void Rendezvous::receive_guest(Socket socket, int dialled) {
  ConnectionPtr connection;
  try {
    connection =
        std::make_shared<Connection>(make_stream(std::move(socket), tls_, dialled >= 0),
                                     options_.buffer_bytes, static_cast<Connection::Owner&>(*this));
  } catch (const boost::system::system_error& gone) {
    if (dialled >= 0) fail(TransportError(dialled, kRendezvous, gone.code().message()));
    return;
  }
  guests_.push_back({.connection = connection, .dialled = dialled});
  limit_strangers();
  connection->start();
}

/// The oldest goes: who means it has said hello by then.
void Rendezvous::limit_strangers() {
  const auto unknown = [](const Guest& guest) { return guest.dialled < 0 && !guest.hello; };
  const auto count = std::count_if(guests_.begin(), guests_.end(), unknown);
  if (static_cast<std::size_t>(count) <= kMostStrangers + peers_.size()) return;
  const auto oldest = std::find_if(guests_.begin(), guests_.end(), unknown);
  turned_away(*oldest->connection, "too many connections that say nothing");
  oldest->connection->close();
  guests_.erase(oldest);
}

void Rendezvous::tick() {
  if (stopped_) return;
  std::vector<Guest> silent;
  for (const Guest& guest : guests_)
    if (!guest.hello && Clock::now() - guest.since > kPatience) silent.push_back(guest);
  for (const Guest& guest : silent) on_broken(*guest.connection, "says nothing");
  for (const Peer& peer : peers_) {
    if (!peer.connection) continue;
    const int silent_beats = peer.connection->beat(options_.heartbeat_seconds);
    if (silent_beats * options_.heartbeat_seconds > options_.dead_after_seconds)
      fail(TransportError(rank_of(*peer.connection), kRendezvous, "silent for too long"));
  }
  timer_.expires_after(seconds(options_.heartbeat_seconds));
  timer_.async_wait([self = shared_from_this()](ErrorCode cancelled) {
    if (!cancelled) self->tick();
  });
}

void Rendezvous::on_ready(Connection& connection) {
  const Guest* guest = find(connection);
  if (guest == nullptr || guest->dialled < 0) return;
  Hello hello{.rank = static_cast<std::uint32_t>(options_.rank),
              .ranks = static_cast<std::uint32_t>(options_.ranks),
              .session = session_,
              .job = options_.job,
              .host = peers_[options_.rank].seat.host,
              .address = {},
              .port = 0};
  if (!acceptors_.empty()) {
    const Endpoint listening = acceptors_.front()->local_endpoint();
    hello.address = without_scope(listening.address()).to_string();
    hello.port = listening.port();
  }
  connection.send_control(FrameType::hello, encode(hello));
}

void Rendezvous::on_broken(Connection& connection, std::string_view why) {
  if (const int rank = rank_of(connection); rank >= 0)
    return fail(TransportError(rank, kRendezvous, why));
  if (find(connection) == nullptr) return;
  const Guest guest = take(connection);
  guest.connection->close();
  if (guest.dialled >= 0)
    fail(TransportError(
        guest.dialled, kRendezvous,
        guest.connection->remote() + " does not answer as Laconic does: " + std::string(why)));
  else
    turned_away(*guest.connection, why);
}

// ------------------------------------------------------------------------------ what they say

void Rendezvous::on_control(Connection& connection, FrameType type, Bytes payload) {
  const int rank = rank_of(connection);
  const Guest* guest = find(connection);
  if (type == FrameType::abort && (rank >= 0 || (guest != nullptr && guest->dialled >= 0))) {
    const Notice notice = decode_notice(payload);
    fail(TransportError(static_cast<int>(notice.origin), "gave up", notice.cause), notice);
  } else if (type == FrameType::hello && guest != nullptr && guest->dialled < 0 && !guest->hello) {
    ++hellos_;
    try {
      const Hello hello = decode_hello(payload);
      on_hello(take(connection), hello);
    } catch (const WireError& error) {  // of another release, perhaps: it understands a notice
      refuse(take(connection), error.what());
    }
  } else if (type == FrameType::welcome && guest != nullptr && guest->dialled >= 0) {
    on_welcome(take(connection));
  } else if (type == FrameType::table && rank == 0 && session_ == 0) {
    on_table(decode_table(payload));
  } else {
    throw WireError(2, "a frame out of place");
  }
}

void Rendezvous::on_hello(Guest guest, const Hello& hello) {
  if (failure_) {
    guest.connection->give_up(encode(notice_));
    refused_.push_back(guest.connection);
  } else if (hello.job != options_.job) {
    refuse(std::move(guest), "it is of job '" + hello.job + "', this is '" + options_.job + "'");
  } else if (options_.rank == 0) {
    meet_as_root(std::move(guest), hello);
  } else if (session_ == 0) {  // the table is under way to us too
    guest.hello = hello;
    guests_.push_back(std::move(guest));
  } else {
    meet(std::move(guest), hello);
  }
}

void Rendezvous::meet_as_root(Guest guest, const Hello& hello) {
  if (const auto error = contradiction(guest, hello)) {
    guest.hello = hello;
    guests_.push_back(std::move(guest));  // hears of it with all the others
    return fail(*error);
  }
  Peer& peer = peers_[hello.rank];
  peer = {State::welcome, guest.connection, {hello.host, hello.address, hello.port}};
  peer.connection->send_control(FrameType::welcome, {});
  const auto absent = [](const Peer& p) { return p.state == State::absent; };
  if (std::count_if(peers_.begin(), peers_.end(), absent) == 1) send_table();  // only ourselves
}

std::optional<TransportError> Rendezvous::contradiction(const Guest& guest,
                                                        const Hello& hello) const {
  const std::string& remote = guest.connection->remote();
  const bool in_range = hello.rank > 0 && hello.rank < peers_.size();
  const int rank = in_range ? static_cast<int>(hello.rank) : -1;
  if (hello.ranks != peers_.size())
    return TransportError(rank, kRendezvous,
                          remote + " says the group has " + std::to_string(hello.ranks) +
                              " ranks, rank 0 says " + std::to_string(peers_.size()));
  if (!in_range)
    return TransportError(rank, kRendezvous,
                          remote + " says it is rank " + std::to_string(hello.rank) + " of " +
                              std::to_string(hello.ranks) + ", which dials nobody or is none");
  if (peers_[hello.rank].state != State::absent)
    return TransportError(rank, kRendezvous,
                          "two processes claim this rank: " +
                              peers_[hello.rank].connection->remote() + " and " + remote);
  return std::nullopt;
}

/// A rank that came by the loopback has told an address that leads nowhere on other machines.
std::optional<TransportError> Rendezvous::unreachable() const {
  const auto by_loopback = [](const Peer& peer) {
    const auto address = literal_address(peer.seat.address);
    return address && address->is_loopback();
  };
  for (std::size_t r = 1; r < peers_.size(); ++r)
    for (std::size_t s = r + 1; s < peers_.size(); ++s)
      if (by_loopback(peers_[r]) && !by_loopback(peers_[s]))
        return TransportError(static_cast<int>(r), kRendezvous,
                              "it came by " + peers_[r].seat.address + ", where rank " +
                                  std::to_string(s) + " at " + peers_[s].seat.address +
                                  " cannot reach it: give it --interface");
  return std::nullopt;
}

void Rendezvous::send_table() {
  if (const auto error = unreachable()) return fail(*error);
  std::random_device random;
  while (session_ == 0) session_ = std::uint64_t{random()} << 32 | random();
  Table table{session_, {}};
  for (const Peer& peer : peers_) table.seats.push_back(peer.seat);
  const auto payload = encode(table);
  check(payload.size() <= kSegmentBytes, "a table fits its frame");
  for (int r = 1; r < options_.ranks; ++r) {
    peers_[r].connection->send_control(FrameType::table, payload);
    seat(r, peers_[r].connection);
  }
}

void Rendezvous::on_welcome(Guest guest) {
  if (guest.dialled > 0)
    seat(guest.dialled, guest.connection);
  else
    peers_[0] = {State::welcome, guest.connection, {}};
}

void Rendezvous::on_table(const Table& table) {
  if (table.seats.size() != peers_.size() || table.session == 0)
    throw WireError(0, "a table for another group");
  session_ = table.session;
  for (std::size_t r = 0; r < peers_.size(); ++r) peers_[r].seat = table.seats[r];
  seat(0, peers_[0].connection);
  for (int r = 1; r < options_.rank; ++r) {
    const std::string address =
        with_scope_of(peers_[0].connection->local_address(), table.seats[r].address);
    dial(r, {address, table.seats[r].port});
  }
  std::vector<Guest> early;
  std::swap(early, guests_);
  for (Guest& guest : early)
    if (guest.hello)
      meet(guest, *guest.hello);
    else
      guests_.push_back(std::move(guest));
}

void Rendezvous::meet(Guest guest, const Hello& hello) {
  const bool expected =
      hello.session == session_ && hello.ranks == peers_.size() && hello.rank < peers_.size() &&
      static_cast<int>(hello.rank) > options_.rank && peers_[hello.rank].state == State::absent;
  if (!expected) return refuse(std::move(guest), "nobody of this group");
  guest.connection->send_control(FrameType::welcome, {});
  seat(static_cast<int>(hello.rank), guest.connection);
}

void Rendezvous::seat(int rank, ConnectionPtr connection) {
  connection->open(rank);
  peers_[rank].state = State::seated;
  peers_[rank].connection = std::move(connection);
}

// ----------------------------------------------------------------------------- how it goes wrong

/// Kept too: it may have been the rank that is missed at the deadline.
void Rendezvous::turned_away(const Connection& connection, std::string_view why) {
  last_turned_away_ = connection.remote() + ": " + std::string(why);
  log_->warn("tcp: turned away {}", last_turned_away_);
}

void Rendezvous::refuse(Guest guest, const std::string& why) {
  turned_away(*guest.connection, why);
  guest.connection->give_up(encode(
      Notice{static_cast<std::uint32_t>(options_.rank), "turned away at the rendezvous: " + why}));
  refused_.push_back(std::move(guest.connection));
}

void Rendezvous::fail(const TransportError& error) {
  fail(error, {static_cast<std::uint32_t>(options_.rank), error.what()});
}

void Rendezvous::fail(const TransportError& error, Notice notice) {
  if (failure_) return;
  failure_ = error;
  notice_ = std::move(notice);
}

/// Tells everybody who has come, and for a moment those who still come.
void Rendezvous::farewell() {
  const auto payload = encode(notice_);
  for (const auto& [rank, dialling] : dials_) dialling->stop();
  for (const Peer& peer : peers_)
    if (peer.connection) refused_.push_back(peer.connection);
  for (const Guest& guest : guests_)
    if (guest.hello || guest.dialled >= 0) refused_.push_back(guest.connection);
  for (const ConnectionPtr& connection : std::vector(refused_)) connection->give_up(payload);
  const auto all_know = [&] {
    const bool all_came = options_.rank != 0 || hellos_ >= options_.ranks - 1;
    return all_came && std::all_of(refused_.begin(), refused_.end(),
                                   [](const ConnectionPtr& c) { return c->closed(); });
  };
  const auto until = Clock::now() + kFarewell;
  while (!all_know() && io_.run_one_until(until) > 0) {
  }
}

/// Who is missing at the deadline, and why as far as we know.
TransportError Rendezvous::lateness() const {
  const std::string within =
      fmt::format(" within the deadline of {:g} s", options_.deadline_seconds);
  const std::string besides =
      last_turned_away_.empty() ? "" : "; the last that was turned away: " + last_turned_away_;
  int first = -1;
  std::string missing;
  for (int r = 0; r < options_.ranks; ++r) {
    if (r == options_.rank || peers_[r].state != State::absent) continue;
    if (first < 0) first = r;
    missing += (missing.empty() ? "" : ", ") + std::to_string(r);
  }
  if (options_.rank == 0)
    return TransportError(
        first, kRendezvous,
        "rank " + missing + " did not come to " + to_text(where_) + within + besides);
  if (session_ == 0 && peers_[0].state == State::welcome)
    return TransportError(0, kRendezvous, "it did not send the table of seats" + within);
  const auto dialling = dials_.find(first);
  if (dialling == dials_.end())
    return TransportError(first, kRendezvous, "it did not connect to this rank" + within + besides);
  return TransportError(first, kRendezvous,
                        "not reached at " + dialling->second->where() + within + ": " +
                            dialling->second->last_error());
}

// ----------------------------------------------------------------------------------- who is who

Rendezvous::Guest* Rendezvous::find(const Connection& connection) {
  const auto found = std::find_if(guests_.begin(), guests_.end(), [&](const Guest& guest) {
    return guest.connection.get() == &connection;
  });
  return found == guests_.end() ? nullptr : &*found;
}

Rendezvous::Guest Rendezvous::take(const Connection& connection) {
  Guest* found = find(connection);
  Guest guest = std::move(*found);
  guests_.erase(guests_.begin() + (found - guests_.data()));
  return guest;
}

int Rendezvous::rank_of(const Connection& connection) const {
  for (int r = 0; r < options_.ranks; ++r)
    if (peers_[r].connection.get() == &connection) return r;
  return -1;
}

}  // namespace

Group rendezvous(asio::io_context& io, const TcpOptions& options, const TlsContext* tls,
                 const Log& log) {
  const auto meeting = std::make_shared<Rendezvous>(io, options, tls, log);
  struct Stop {
    Rendezvous& meeting;
    ~Stop() { meeting.stop(); }
  } const stop{*meeting};
  return meeting->run();
}

}  // namespace laconic::tcp
