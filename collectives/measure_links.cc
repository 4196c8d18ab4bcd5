#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "collectives/allreduce/steps.h"
#include "collectives/control.h"
#include "collectives/cost_model.h"
#include "collectives/link_model.h"
#include "collectives/link_streams.h"

// First pairs, as many at a time as have no rank in common, those that seem bad once more; then all
// ranks at once, for what they share. A pair measures its latency by small messages to and fro, and
// its rate by a stream of messages each way for some time (link_streams.h). What ranks share is
// then chosen so that the cost model predicts what was measured.
namespace laconic {
namespace {

const Tag kTag{channels::links, Purpose::control};
constexpr std::size_t kPacket = LinkModel::kPacketBytes, kSmall = 256, kTiny = 8;  // bytes
constexpr double kTripsUntilSteady = 50;
constexpr std::size_t kBytesUntilSteady = 1 << 20;
constexpr double kTripsOfStream = 12, kTripsToOpen = 14;  // for TCP to open its window
constexpr double kMostOverMean = 1.2;                     // is a stretch of a stream, at most
constexpr int kFewestPings = 2, kMostPings = 50;          // the first may find TCP asleep
constexpr double kLeastSeconds = 0.06;                    // of a round
constexpr double kMeetUntil = 0.8;  // of the time: no stream of pairs begins later
constexpr int kMostSteps = 160;
constexpr int kStepsOfBatch = 8;                       // at most
constexpr auto kPause = std::chrono::milliseconds(1);  // for processors to fall idle
constexpr double kSlow = 0.9;                          // of the median rate
constexpr double kShortSeconds = 0.2e-3;               // of latency: processors count for more
constexpr double kLongSeconds = 5e-3;                  // of latency: processors hardly count
constexpr double kFar = 1.3;                           // of the median latency
constexpr int kManyRanks = 16;                         // so many that one message of each is much
constexpr double kSharesNothing = 0.85;                // of the links' own rates: less is a bound

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}
double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

/// Seconds of one step, by batch (Measurement::batch_seconds).
using Batches = std::vector<double>;

/// What one rank has found out.
struct Findings {
  std::vector<double> latency, rate;   // by peer, of what it sends us; 0: not measured
  std::vector<double> packet_latency;  // of a full packet, to whom it meets first
  std::vector<double> crowded_rate;    // the same, while everybody sends to everybody
  std::vector<double> steady_rate;     // of a stream both ways that has lasted
  Batches crowd, tiny_crowd;           // a small message from everybody to the next rank
  Batches row;                         // a small message from everybody to all others
  Batches fan;                         // a small message from rank 0 to all others, and back
  double shift_rate =
      std::numeric_limits<double>::infinity();  // while everybody sends to the next rank alone
  double add_rate = 0;
  double seconds = 0;  // since it began

  std::vector<double> packed() const {
    std::vector<double> all{shift_rate, add_rate, seconds};
    for (const auto* part : parts()) {
      all.push_back(static_cast<double>(part->size()));
      all.insert(all.end(), part->begin(), part->end());
    }
    return all;
  }
  static Findings unpacked(const std::vector<double>& all) {
    Findings found;
    found.shift_rate = all[0], found.add_rate = all[1], found.seconds = all[2];
    auto at = all.begin() + 3;
    for (auto* part : found.parts()) {
      const auto begin = at + 1, end = begin + static_cast<std::ptrdiff_t>(*at);
      part->assign(begin, end);
      at = end;
    }
    return found;
  }

 private:
  template <typename Self>
  static auto parts_of(Self& self) {
    return std::array{&self.latency,      &self.rate,        &self.packet_latency,
                      &self.crowded_rate, &self.steady_rate, &self.crowd,
                      &self.tiny_crowd,   &self.row,         &self.fan};
  }
  std::array<std::vector<double>*, 9> parts() { return parts_of(*this); }
  std::array<const std::vector<double>*, 9> parts() const { return parts_of(*this); }
};

/// The median over batches of what the slowest rank took, as the cost model has it; 0 if there were
/// none. On long links that would be who began first: there, of what the middle one took.
double typical(const std::vector<Findings>& all, Batches Findings::*batches, bool long_links) {
  std::vector<double> seconds;
  for (std::size_t b = 0; b < (all.front().*batches).size(); ++b) {
    std::vector<double> by_rank;
    for (const Findings& rank : all) by_rank.push_back((rank.*batches)[b]);
    seconds.push_back(quantile(std::move(by_rank), long_links ? 0.5 : 1));
  }
  return seconds.empty() ? 0 : median(std::move(seconds));
}

/// What pairs found out while nothing else was on its way. Of pairs that did not meet the latency
/// is the median, and the rate what the interfaces of the two have shown towards others.
LinkModel links_of_pairs(const std::vector<Findings>& all, Transport& transport) {
  const int ranks = transport.size();
  LinkModel links = uniform_links(ranks, {.latency_seconds = 0, .bytes_per_second = 0});
  std::vector<double> latencies, rates, shares, packets;
  for (int r = 0; r < ranks; ++r) links.hosts[r] = transport.host_of(r);
  links.shared_memory = transport.shared_memory() != nullptr;
  for (int from = 0; from < ranks; ++from)
    for (int to = 0; to < ranks; ++to) {
      const double rate = all[to].rate[from];
      const double latency = all[std::min(from, to)].latency[std::max(from, to)];
      links.link(from, to) = {latency, rate};
      if (latency > 0) latencies.push_back(latency);
      const double packet = all[std::min(from, to)].packet_latency[std::max(from, to)];
      if (packet > 0 && rate > 0) packets.push_back(packet - latency - kPacket / rate);
      if (rate > 0) rates.push_back(rate);
      if (all[to].steady_rate[from] > 0) shares.push_back(all[to].steady_rate[from] / rate);
    }
  if (!packets.empty()) links.packet_seconds = std::max(0.0, median(packets));
  if (!shares.empty()) links.both_ways_share = std::min(1.0, median(shares));
  const double latency = median(latencies), rate = median(rates);
  const LinkModel met = links;
  for (int from = 0; from < ranks; ++from)
    for (int to = 0; to < ranks; ++to) {
      if (met.link(from, to).latency_seconds == 0) links.link(from, to).latency_seconds = latency;
      if (met.link(from, to).bytes_per_second > 0) continue;
      double out = 0, in = 0;
      for (int r = 0; r < ranks; ++r) {
        out = std::max(out, met.link(from, r).bytes_per_second);
        in = std::max(in, met.link(r, to).bytes_per_second);
      }
      links.link(from, to).bytes_per_second = std::min(out > 0 ? out : rate, in > 0 ? in : rate);
    }
  return links;
}

/// The rates at which all ranks would send to the next one if they shared nothing.
double rates_alone(const LinkModel& links) {
  double rates = 0;
  for (int r = 0; r < links.ranks; ++r)
    rates += links.link(r, (r + 1) % links.ranks).bytes_per_second;
  return rates;
}

/// `count` times a message from each rank to each of the next ones up to the `farthest`. To the
/// next alone, nothing goes the other way that could carry an acknowledgement, as between most
/// ranks that an allreduce lets talk to each other.
Schedule crowds(int ranks, int count, int farthest, double bytes) {
  Schedule schedule(ranks);
  for (int i = 0; i < count; ++i)
    for (int r = 0; r < ranks; ++r) {
      for (int d = 1; d <= farthest; ++d) schedule.send(r, (r + d) % ranks, bytes);
      for (int d = 1; d <= farthest; ++d) schedule.receive(r, (r + ranks - d) % ranks);
    }
  return schedule;
}

/// `count` times a small message from rank 0 to all others, and back.
Schedule fans(int ranks, int count) {
  Schedule schedule(ranks);
  for (int i = 0; i < count; ++i) {
    for (int r = 1; r < ranks; ++r) schedule.send(0, r, kSmall);
    for (int r = 1; r < ranks; ++r) {
      schedule.receive(r, 0);
      schedule.send(r, 0, kSmall);
      schedule.receive(0, r);
    }
  }
  return schedule;
}

/// The value of `constant` with which `schedule` is predicted to take `seconds`, up to `most`.
double fit(LinkModel& links, double LinkModel::*constant, double most, const Schedule& schedule,
           double seconds) {
  double low = 0, high = most;
  for (int i = 0; i < 20; ++i) {
    links.*constant = (low + high) / 2;
    (predict_seconds(schedule, links) < seconds ? low : high) = links.*constant;
  }
  return low;
}

class Measurement {
 public:
  Measurement(Transport& transport, double seconds)
      : transport_(transport),
        streams_(transport),
        ranks_(transport.size()),
        rank_(transport.rank()),
        seconds_(seconds),
        pair_seconds_(0.5 * seconds),
        slot_(0.08 * seconds) {
    for (auto* by_peer : {&mine_.latency, &mine_.rate, &mine_.packet_latency, &mine_.crowded_rate,
                          &mine_.steady_rate})
      by_peer->resize(ranks_);
  }

  LinkModel run();

 private:
  std::vector<Findings> gather();
  double slowest(double mine);

  int rounds() const { return ranks_ - 1 + ranks_ % 2; }
  std::optional<int> partner(int rank, int round) const;
  void meet_all();
  void ping(int peer);
  double ping(int peer, double seconds, std::size_t bytes);
  bool meet_odd_ones_again(const LinkModel& links, bool in_time);
  Arrivals stream_both_ways(int peer, double seconds);
  void take_steady_rate(int peer, const Arrivals& arrived);
  void stream_each_way(int peer, double seconds);
  double open_seconds(int peer) const { return kTripsToOpen * 2 * mine_.latency[peer]; }
  void take_rate(int peer, const Arrivals& arrived);
  void swap(int farthest, std::size_t bytes);

  void all_at_once(const LinkModel& links);
  void shift();
  void add();
  void crowd_and_fan(int count);
  void fan();
  double batch_seconds(const std::function<void()>& step);
  void add_what_is_shared(LinkModel& links);
  void fit_messages(LinkModel& links, double crowd, double tiny_crowd, double row,
                    double fan) const;

  const Stopwatch watch_;
  Transport& transport_;
  LinkStreams streams_;
  const int ranks_, rank_;
  const double seconds_, pair_seconds_, slot_;
  double ping_seconds_ = 0, stream_seconds_ = 0;
  int rounds_met_ = 0;   // of pairs, which are all unless there is no time for that
  int batch_steps_ = 1;  // one after the other
  double slowest_latency_ = 0;
  Findings mine_;
};

LinkModel Measurement::run() {
  meet_all();
  auto all = gather();
  LinkModel links = links_of_pairs(all, transport_);
  // A stream takes time, and a few pings hardly any.
  for (bool in_time = true; in_time;) {
    in_time = std::ranges::max(all, {}, &Findings::seconds).seconds < kMeetUntil * seconds_;
    if (!meet_odd_ones_again(links, in_time)) break;
    all = gather();
    links = links_of_pairs(all, transport_);
  }
  all_at_once(links);
  add();
  const double round_trip = 2 * links.link(0, 1).latency_seconds;
  const int count = std::clamp(static_cast<int>(slot_ / round_trip), 2, kMostSteps);
  if (ranks_ <= kManyRanks) batch_steps_ = std::min(count, kStepsOfBatch);
  crowd_and_fan(count);
  add_what_is_shared(links);
  return links;
}

/// Everybody's findings, by rank; every rank then is at the same place.
std::vector<Findings> Measurement::gather() {
  std::vector<Findings> all;
  mine_.seconds = watch_.seconds();
  const std::vector<double> mine = mine_.packed();
  for (const auto& bytes : allgather(transport_, std::as_bytes(std::span(mine)), channels::links)) {
    std::vector<double> packed(mine.size());
    check(bytes.size() == packed.size() * sizeof(double), "all ranks measure the same group");
    std::memcpy(packed.data(), bytes.data(), bytes.size());
    all.push_back(Findings::unpacked(packed));
  }
  return all;
}

double Measurement::slowest(double mine) {
  return std::ranges::max(allgather_values(transport_, mine, channels::links));
}

/// In a tournament of everybody against everybody (the circle method), who a rank meets.
std::optional<int> Measurement::partner(int rank, int round) const {
  const int places = ranks_ + ranks_ % 2, turning = places - 1;
  int peer;
  if (rank == turning)
    peer = round * (places / 2) % turning;
  else if (2 * rank % turning == round)
    peer = turning;
  else
    peer = ((round - rank) % turning + turning) % turning;
  if (peer >= ranks_) return std::nullopt;
  return peer;
}

/// As many rounds as there is time for. One way after the other: a stream over a slow uplink would
/// hold up what answers the one that comes in. Long links leave no time for that, as TCP has to
/// open its window.
void Measurement::meet_all() {
  rounds_met_ = rounds();
  double seconds = pair_seconds_ / rounds();
  for (int round = 0; round < rounds_met_; ++round) {
    const Stopwatch watch;
    const auto peer = partner(rank_, round);
    ping_seconds_ = seconds / 4;
    if (peer) ping(*peer);
    if (round == 0) {
      // Where links are long, what a packet costs by itself does not matter.
      if (peer && mine_.latency[*peer] < kLongSeconds)
        mine_.packet_latency[*peer] = ping(*peer, ping_seconds_, kPacket);
      slowest_latency_ = slowest(peer ? mine_.latency[*peer] : 0);
      seconds = std::clamp(2 * kTripsOfStream * slowest_latency_, seconds,
                           std::max(seconds, pair_seconds_ / 2));
    }
    stream_seconds_ = std::clamp(kTripsOfStream * slowest_latency_, 0.7 * seconds, seconds);
    const double trip = 2 * slowest_latency_;
    const bool in_turn = stream_seconds_ > 2 * kTripsOfStream * trip;
    const bool becomes_steady = stream_seconds_ / 2 > kTripsUntilSteady * trip;
    if (peer && in_turn) stream_each_way(*peer, stream_seconds_);
    if (peer && !in_turn) take_rate(*peer, stream_both_ways(*peer, stream_seconds_));
    if (peer && becomes_steady && round == 0)
      take_steady_rate(*peer, stream_both_ways(*peer, stream_seconds_ / 2));
    if (round > 0 || rounds_met_ == 1) continue;
    const double left = pair_seconds_ - slowest(watch.seconds());
    const double least = kLeastSeconds + 2 * kTripsOfStream * trip;
    rounds_met_ = 1 + std::clamp(static_cast<int>(left / least), 0, rounds_met_ - 1);
    seconds = std::min(seconds, std::max(least, left / std::max(1, rounds_met_ - 1)));
  }
}

/// Links that seem slower or longer than most may have had no processor, or bad luck, for that
/// time: so it goes for some streams both ways, whose acknowledgements stand in the other one's
/// queue. Whether there are such. Streams only if they are in time, and one way at a time.
bool Measurement::meet_odd_ones_again(const LinkModel& links, bool in_time) {
  std::vector<double> rates, latencies;
  for (int from = 0; from < ranks_; ++from)
    for (int to = 0; to < ranks_; ++to) {
      if (from == to) continue;
      rates.push_back(links.link(from, to).bytes_per_second);
      latencies.push_back(links.link(from, to).latency_seconds);
    }
  const double slow = kSlow * median(rates), far = kFar * median(latencies);
  bool any = false;
  for (int round = 0; round < rounds_met_; ++round)
    for (int rank = 0; rank < ranks_; ++rank) {
      const auto peer = partner(rank, round);
      if (!peer) continue;
      const Link &out = links.link(rank, *peer), &in = links.link(*peer, rank);
      const bool is_far = out.latency_seconds > far;
      const bool is_slow = in_time && std::min(out.bytes_per_second, in.bytes_per_second) < slow;
      any |= is_far || is_slow;
      if (rank != rank_ || !(is_far || is_slow)) continue;
      // What a stream sends before the other end begins to count would come at no cost.
      ping(*peer);
      if (is_slow) stream_each_way(*peer, stream_seconds_);
    }
  return any;
}

Arrivals Measurement::stream_both_ways(int peer, double seconds) {
  return streams_.run({&peer, 1}, {&peer, 1}, seconds, open_seconds(peer))[0];
}

/// What TCP gets through both ways when it has been at it for long says what is lost.
void Measurement::take_steady_rate(int peer, const Arrivals& arrived) {
  if (arrived.back().second > kBytesUntilSteady) mine_.steady_rate[peer] = later_rate(arrived);
}

/// One way after the other, so that no acknowledgement stands in a queue: in the same time, if
/// TCP's window has enough of it.
void Measurement::stream_each_way(int peer, double seconds) {
  const double each = std::clamp(kTripsOfStream * 2 * slowest_latency_, seconds / 2, seconds);
  for (const bool up : {true, false}) {
    if ((rank_ < peer) == up)
      streams_.run({&peer, 1}, {}, each, open_seconds(peer));
    else
      take_rate(peer, streams_.run({}, {&peer, 1}, each)[0]);
  }
}

/// Not much above the mean since TCP has opened: a receiver that had no processor for a while gets
/// what has piled up at the speed of memory.
void Measurement::take_rate(int peer, const Arrivals& arrived) {
  double rate = full_rate(arrived).value_or(mean_rate(arrived));
  const auto [seconds, bytes] = arrived.back();
  const double open = seconds - kTripsToOpen * 2 * slowest_latency_;
  if (open > 0) rate = std::min(rate, kMostOverMean * static_cast<double>(bytes) / open);
  mine_.rate[peer] = std::max(mine_.rate[peer], rate);
}

/// A message to each of the next ranks up to the `farthest`, and from each of the last.
void Measurement::swap(int farthest, std::size_t bytes) {
  const std::vector<std::byte> out(bytes);
  std::vector<std::vector<std::byte>> in(static_cast<std::size_t>(farthest), out);
  std::vector<Ticket> tickets;
  for (int d = 1; d <= farthest; ++d)
    tickets.push_back(transport_.post_receive((rank_ + ranks_ - d) % ranks_, kTag, in[d - 1]));
  for (int d = 1; d <= farthest; ++d)
    tickets.push_back(transport_.post_send((rank_ + d) % ranks_, kTag, out));
  for (const Ticket ticket : tickets) transport_.wait(ticket);
}

void Measurement::ping(int peer) {
  const double latency = ping(peer, ping_seconds_, kTiny);
  double& least = mine_.latency[peer];
  least = least == 0 ? latency : std::min(least, latency);
}

/// Half a round trip, the median. The lower rank measures, and tells what came out when there were
/// enough; 0 in a message asks for an answer.
double Measurement::ping(int peer, double seconds, std::size_t bytes) {
  std::vector<std::byte> message(bytes);
  double found = 0;
  if (rank_ > peer) {
    for (;; transport_.wait(transport_.post_send(peer, kTag, message))) {
      transport_.wait(transport_.post_receive(peer, kTag, message));
      std::memcpy(&found, message.data(), sizeof found);
      if (found > 0) return found;
    }
  }
  std::vector<double> trips;
  const Stopwatch all;
  do {
    const Stopwatch trip;
    transport_.wait(transport_.post_send(peer, kTag, message));
    transport_.wait(transport_.post_receive(peer, kTag, message));
    trips.push_back(trip.seconds());
  } while (trips.size() < kFewestPings ||
           (trips.size() < kMostPings && all.seconds() + 2 * trips.back() < seconds));
  found = median(trips) / 2;
  std::memcpy(message.data(), &found, sizeof found);
  transport_.wait(transport_.post_send(peer, kTag, message));
  return found;
}

/// All ranks to the next one, once more if they then seem to share something, then all to all
/// others. What was on its way before a rank begins to count would come to it at no cost, so all
/// begin together.
void Measurement::all_at_once(const LinkModel& links) {
  // A stream that has no time to open says nothing of what all share.
  if (slot_ > kTripsOfStream * 2 * slowest_latency_) {
    shift();
    const auto shifted = allgather_values(transport_, mine_.shift_rate, channels::links);
    if (std::accumulate(shifted.begin(), shifted.end(), 0.0) < kSharesNothing * rates_alone(links))
      shift();
  }
  const std::vector<int> others = allreduce::others_after(rank_, ranks_);
  barrier(transport_, channels::links);
  const auto arrived = streams_.run(others, others, slot_);
  for (std::size_t p = 0; p < others.size(); ++p)
    mine_.crowded_rate[static_cast<std::size_t>(others[p])] = mean_rate(arrived[p]);
}

/// The better of two, as streams may have bad luck.
void Measurement::shift() {
  const int next = (rank_ + 1) % ranks_, last = (rank_ + ranks_ - 1) % ranks_;
  barrier(transport_, channels::links);
  const auto rate = full_rate(streams_.run({&next, 1}, {&last, 1}, slot_)[0]);
  if (!rate) return;
  mine_.shift_rate = std::isinf(mine_.shift_rate) ? *rate : std::max(mine_.shift_rate, *rate);
}

/// In turns, since for tens of milliseconds all of them may take half as long again or less, as
/// processors happen to be given out. Where few of them fill the time, latency is what counts, and
/// they are not told apart.
void Measurement::crowd_and_fan(int count) {
  std::vector<std::pair<Batches*, std::function<void()>>> kinds{
      {&mine_.crowd, [this] { swap(1, kSmall); }}, {&mine_.fan, [this] { fan(); }}};
  if (batch_steps_ == kStepsOfBatch) {
    kinds.emplace_back(&mine_.tiny_crowd, [this] { swap(1, kTiny); });
    kinds.emplace_back(&mine_.row, [this] { swap(ranks_ - 1, kSmall); });
  }
  for (int batch = 0; batch < std::max(1, count / batch_steps_); ++batch)
    for (const auto& [seconds, step] : kinds) seconds->push_back(batch_seconds(step));
}

/// Of one step, of a few that all ranks begin anew.
double Measurement::batch_seconds(const std::function<void()>& step) {
  barrier(transport_, channels::links);
  std::this_thread::sleep_for(kPause);
  const Stopwatch watch;
  for (int i = 0; i < batch_steps_; ++i) step();
  return watch.seconds() / batch_steps_;
}

/// A small message from rank 0 to all others, and back.
void Measurement::fan() {
  const std::array<std::byte, kSmall> nothing{};
  std::vector<std::array<std::byte, kSmall>> small(ranks_);
  std::vector<Ticket> receives, sends;
  const int peers = rank_ == 0 ? ranks_ : 1;
  for (int r = 0; r < peers; ++r)
    if (r != rank_) receives.push_back(transport_.post_receive(r, kTag, small[r]));
  if (rank_ != 0) transport_.wait(receives.front());
  for (int r = 0; r < peers; ++r)
    if (r != rank_) sends.push_back(transport_.post_send(r, kTag, nothing));
  if (rank_ == 0)
    for (const Ticket receive : receives) transport_.wait(receive);
  for (const Ticket send : sends) transport_.wait(send);
}

/// An interface carries what all ranks' messages to all others showed, or what one link did.
void Measurement::add_what_is_shared(LinkModel& links) {
  const auto all = gather();
  std::vector<double> adds;
  double shifted = 0;
  std::vector<double> out(all.size()), in(all.size());
  for (int r = 0; r < ranks_; ++r) {
    adds.push_back(all[r].add_rate);
    shifted += all[r].shift_rate;
    for (int s = 0; s < ranks_; ++s) {
      if (s == r) continue;
      out[s] += all[r].crowded_rate[s];
      in[r] += all[r].crowded_rate[s];
      for (double* rate : {&links.out_bytes_per_second[s], &links.in_bytes_per_second[r]})
        *rate = std::max(*rate, links.link(s, r).bytes_per_second);
    }
  }
  for (std::size_t r = 0; r < all.size(); ++r) {
    links.out_bytes_per_second[r] = std::max(links.out_bytes_per_second[r], out[r]);
    links.in_bytes_per_second[r] = std::max(links.in_bytes_per_second[r], in[r]);
  }
  if (shifted < kSharesNothing * rates_alone(links)) links.together_bytes_per_second = shifted;
  links.add_bytes_per_second = median(adds);
  std::array<double, 4> fitted{};
  if (rank_ == 0) {
    const bool long_links = links.link(0, 1).latency_seconds > kShortSeconds;
    fit_messages(links, typical(all, &Findings::crowd, long_links),
                 typical(all, &Findings::tiny_crowd, long_links),
                 typical(all, &Findings::row, long_links), median(all[0].fan));
    fitted = {links.crowd_seconds, links.row_share, links.message_seconds, links.tiny_share};
  }
  const auto told = broadcast(transport_, std::as_bytes(std::span(fitted)), channels::links);
  check(told.size() == sizeof fitted, "rank 0 says what it has fitted");
  std::memcpy(fitted.data(), told.data(), sizeof fitted);
  links.crowd_seconds = fitted[0], links.row_share = fitted[1];
  links.message_seconds = fitted[2], links.tiny_share = fitted[3];
}

/// What the model has to take for each message so that these times come out; 0: not measured.
void Measurement::fit_messages(LinkModel& links, double crowd, double tiny_crowd, double row,
                               double fan) const {
  const int n = batch_steps_;
  fit(links, &LinkModel::crowd_seconds, crowd, crowds(ranks_, n, 1, kSmall), n * crowd);
  if (row > 0) fit(links, &LinkModel::row_share, 1, crowds(ranks_, n, ranks_ - 1, kSmall), n * row);
  fit(links, &LinkModel::message_seconds, links.link(0, 1).latency_seconds / 2, fans(ranks_, n),
      n * fan);
  if (tiny_crowd > 0)
    fit(links, &LinkModel::tiny_share, 1, crowds(ranks_, n, 1, kTiny), n * tiny_crowd);
}

void Measurement::add() {
  std::vector<float> summand(1 << 19), sum(1 << 19);
  std::vector<double> rates;
  for (int i = 0; i < 5; ++i) {
    const Stopwatch watch;
    allreduce::add(summand, sum);
    rates.push_back(static_cast<double>(summand.size() * sizeof(float)) / watch.seconds());
  }
  mine_.add_rate = median(rates);
}

}  // namespace

LinkModel measure_links(Transport& transport, double seconds) {
  if (transport.size() == 1) return uniform_links(1, {});
  return Measurement(transport, seconds).run();
}

}  // namespace laconic
