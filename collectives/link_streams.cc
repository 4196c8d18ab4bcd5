#include "collectives/link_streams.h"

#include <algorithm>
#include <bit>
#include <deque>
#include <limits>
#include <utility>

#include "base/clock.h"

// Each message is answered by an empty one, a credit. Of what a sender has sent, as much as a
// window may be without credit. It grows by what is credited, and so doubles in each trip to and
// fro, as long as credits come too soon for messages to have waited much. It is not small to begin
// with, since congestion control takes a sender that has little to send for a link that can carry
// little (bbr).
namespace laconic {
namespace {

constexpr std::size_t kFirstCargo = 2 << 10, kMostCargo = 256 << 10;  // bytes of a message
/// Bytes that messages are sent from, and put into, in turn: those of all ranks together, if they
/// share a machine, are more than its caches.
constexpr std::size_t kHold = 8 << 20;
constexpr int kRanksOfFullHold = 4;
constexpr std::size_t kOfOneSize = 16;                         // messages before it doubles
constexpr std::size_t kFirstWindow = 48 << 10;                 // bytes, of all streams of a rank
constexpr std::size_t kMostWindow = 64 << 20;                  // bytes, of one
constexpr std::size_t kMessagesInWindow = 16;                  // at least
constexpr double kFullLinkSeconds = 0.03, kFullLinkTrips = 3;  // whichever is longer
constexpr double kGrowth = 1.25;                               // from trip to trip

constexpr std::size_t kStretch = 6;       // arrivals, at least
constexpr double kStretchSeconds = 4e-3;  // at least
constexpr double kStretchQuantile = 0.7;
constexpr double kTogether = 0.1;  // of the mean time between two messages

const Tag kCargo{channels::links, Purpose::control}, kCredit{channels::credits, Purpose::control};

double bytes_per_second(const Arrivals& arrived, std::size_t begin, std::size_t end) {
  const double seconds = arrived[end].first - arrived[begin].first;
  return seconds > 0 ? static_cast<double>(arrived[end].second - arrived[begin].second) / seconds
                     : std::numeric_limits<double>::infinity();
}

/// The last half of a stream's messages, those that a receiver was woken for together as one: else
/// a stretch from the first of them would have got the others in no time.
Arrivals later_half(const Arrivals& arrived) {
  const std::size_t begin = arrived.size() / 2;
  const double mean =
      (arrived.back().first - arrived[begin].first) / static_cast<double>(arrived.size() - begin);
  Arrivals half{arrived[begin]};
  for (std::size_t i = begin + 1; i < arrived.size(); ++i) {
    if (arrived[i].first - arrived[i - 1].first < kTogether * mean) half.pop_back();
    half.push_back(arrived[i]);
  }
  return half;
}

}  // namespace

double mean_rate(const Arrivals& arrived) {
  return static_cast<double>(arrived.back().second) / arrived.back().first;
}

double later_rate(const Arrivals& arrived) {
  const Arrivals half = later_half(arrived);
  return half.size() < 2 ? mean_rate(arrived) : bytes_per_second(half, 0, half.size() - 1);
}

std::optional<double> full_rate(const Arrivals& arrived) {
  const Arrivals half = later_half(arrived);
  std::vector<double> rates;
  for (std::size_t end = 0, begin = 0; end < half.size(); ++end) {
    const auto lasts = [&](std::size_t from) {
      return end >= from + kStretch && half[end].first - half[from].first >= kStretchSeconds;
    };
    if (!lasts(begin)) continue;
    while (lasts(begin + 1)) ++begin;
    rates.push_back(bytes_per_second(half, begin, end));
  }
  if (rates.empty()) return std::nullopt;
  std::sort(rates.begin(), rates.end());
  return rates[static_cast<std::size_t>(kStretchQuantile * static_cast<double>(rates.size() - 1))];
}

/// What goes to one rank. The last message has one byte.
struct LinkStreams::Outgoing {
  struct Uncredited {
    Ticket credit;
    std::size_t bytes;
    double sent;
  };

  int peer;
  std::size_t most;    // bytes of a message
  std::size_t window;  // bytes
  std::size_t bytes = kFirstCargo, of_this_size = 0;
  std::size_t place = 0;  // in the hold, of the next message
  bool ended = false;
  std::deque<Ticket> sends;
  std::deque<Uncredited> uncredited;  // in the order sent
  std::size_t under_way = 0;          // bytes of all of them
  double open_seconds;                // at most so much longer than it should last
  double first_trip = 0;
  double rate = 0, counted_from = 0;  // of the last trip's credits, where the next one begins
  std::size_t counted = 0;            // bytes, since then
  bool grows = true;

  /// Whether it has lasted long enough: longer than that while a long link still opens.
  bool is_over(double now, double seconds) const {
    return now >= seconds && !(grows && now < open_seconds);
  }

  bool may_send() const { return !ended && (under_way == 0 || under_way + bytes <= window); }

  void send(Transport& transport, Bytes hold, double now, bool last) {
    static const std::byte kLast{1};
    if (place + bytes > hold.size()) place = 0;
    const Bytes message =
        last ? Bytes(&kLast, 1) : hold.subspan(std::exchange(place, place + most), bytes);
    uncredited.push_back({transport.post_receive(peer, kCredit, {}), message.size(), now});
    sends.push_back(transport.post_send(peer, kCargo, message));
    under_way += message.size();
    ended = last;
    if (++of_this_size < kOfOneSize || 2 * bytes > std::min(most, window / kMessagesInWindow))
      return;
    bytes *= 2;
    of_this_size = 0;
  }

  void credited(double now) {
    const Uncredited message = uncredited.front();
    uncredited.pop_front();
    under_way -= message.bytes;
    const double trip = now - message.sent;
    if (first_trip == 0) first_trip = trip;
    const bool waited = trip > std::max(kFullLinkSeconds, kFullLinkTrips * first_trip);
    if (!waited) window = std::min(kMostWindow, window + message.bytes);
    counted += message.bytes;
    if (now - counted_from < first_trip) return;
    const double before = std::exchange(rate, static_cast<double>(counted) / (now - counted_from));
    grows = rate > kGrowth * before;
    counted = 0, counted_from = now;
  }
};

/// What comes from one rank.
struct LinkStreams::Incoming {
  int peer;
  MutBytes into;
  std::size_t most;
  std::size_t place = 0;
  bool ended = false;
  std::deque<Ticket> receives, credits;
  Arrivals arrived;

  void receive(Transport& transport) {
    if (place + most > into.size()) place = 0;
    receives.push_back(transport.post_receive(
        peer, kCargo, into.subspan(std::exchange(place, place + most), most)));
  }

  void received(Transport& transport, double now, std::size_t bytes) {
    ended = bytes == 1;
    arrived.emplace_back(now, (arrived.empty() ? 0 : arrived.back().second) + bytes);
    if (!ended) receive(transport);
    credits.push_back(transport.post_send(peer, kCredit, {}));
  }
};

LinkStreams::LinkStreams(Transport& transport)
    : transport_(transport),
      cargo_(std::max(kMostCargo,
                      kHold * kRanksOfFullHold /
                          static_cast<std::size_t>(std::max(kRanksOfFullHold, transport.size())))),
      inbox_(cargo_.size()) {}

std::vector<Arrivals> LinkStreams::run(std::span<const int> to, std::span<const int> from,
                                       double seconds, double open_seconds) {
  // Many streams at once take parts of the hold, and smaller messages.
  const std::size_t part = inbox_.size() / std::max<std::size_t>(1, from.size());
  const std::size_t most = std::min(kMostCargo, std::bit_floor(part));
  const Stopwatch watch;
  std::vector<Outgoing> out;
  std::vector<Incoming> in;
  for (std::size_t i = 0; i < from.size(); ++i) {
    in.push_back({.peer = from[i], .into = MutBytes(inbox_).subspan(i * part, part), .most = most});
    in.back().receive(transport_);
  }
  for (const int peer : to)
    out.push_back({.peer = peer,
                   .most = most,
                   .window = kFirstWindow / to.size(),
                   .open_seconds = open_seconds});
  const auto finished = [this](std::deque<Ticket>& tickets) {
    const auto bytes = tickets.empty() ? std::nullopt : transport_.poll(tickets.front());
    if (bytes) tickets.pop_front();
    return bytes;
  };
  for (std::vector<Ticket> fronts;; fronts.clear()) {
    for (Outgoing& flow : out)
      while (flow.may_send()) {
        const double now = watch.seconds();
        flow.send(transport_, cargo_, now, flow.is_over(now, seconds));
      }
    const auto wait_for = [&](const std::deque<Ticket>& tickets) {
      if (!tickets.empty()) fronts.push_back(tickets.front());
    };
    for (const Incoming& flow : in) wait_for(flow.receives), wait_for(flow.credits);
    for (const Outgoing& flow : out) {
      wait_for(flow.sends);
      if (!flow.uncredited.empty()) fronts.push_back(flow.uncredited.front().credit);
    }
    if (fronts.empty()) break;
    transport_.wait_any(fronts);
    for (Incoming& flow : in) {
      if (const auto bytes = finished(flow.receives))
        flow.received(transport_, watch.seconds(), *bytes);
      while (finished(flow.credits)) continue;
    }
    for (Outgoing& flow : out) {
      while (!flow.uncredited.empty() && transport_.poll(flow.uncredited.front().credit))
        flow.credited(watch.seconds());
      while (finished(flow.sends)) continue;
    }
  }
  std::vector<Arrivals> arrived;
  for (Incoming& flow : in) arrived.push_back(std::move(flow.arrived));
  return arrived;
}

}  // namespace laconic
