#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <optional>

#include "base/check.h"
#include "base/clock.h"
#include "collectives/allreduce/steps.h"
#include "collectives/control.h"
#include "collectives/cost_model.h"
#include "collectives/link_model.h"

// First pairs, as many at a time as have no rank in common; then all ranks at once, for what they
// share. A pair measures its latency by small messages to and fro, and its rate by swapping ever
// longer trains of messages until one takes long enough. A train that takes many latencies speaks
// for itself. In a shorter one the receiver looks at when its cars come in: stretches slowed by a
// window that TCP was still opening, or hurried since the receiver had slept, are few on either
// side of the quantile that is taken. What ranks share is then chosen so that the cost model
// predicts what was measured.
namespace laconic {
namespace {

constexpr std::size_t kCars = 16, kStretch = 4;                      // of a train: messages
constexpr std::size_t kFirstTrain = 16 << 10, kLastTrain = 8 << 20;  // bytes
constexpr std::size_t kSmall = 8;                                    // bytes
constexpr double kSpeaksForItself = 20;                              // latencies
constexpr double kStretchQuantile = 0.4;
constexpr int kMostPings = 50;
constexpr double kSharesNothing = 0.85;  // of the links' own rates: less is a bound

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}
double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

/// What one rank has found out.
struct Findings {
  std::vector<double> latency, rate;  // by peer, of what it sends us; 0: not measured
  std::vector<double> crowded_rate;   // the same, while everybody sends to everybody
  double shift_rate = 0;              // while everybody sends to the next rank alone
  double shift_seconds = 0;           // a small message from everybody to the next rank
  double fan_seconds = 0;             // one from rank 0 to all others, and back
  double add_rate = 0;

  std::vector<double> packed() const {
    std::vector<double> all{shift_rate, shift_seconds, fan_seconds, add_rate};
    for (const auto* part : {&latency, &rate, &crowded_rate})
      all.insert(all.end(), part->begin(), part->end());
    return all;
  }
  static Findings unpacked(const std::vector<double>& all) {
    const std::size_t n = (all.size() - 4) / 3;
    const auto part = [&](std::size_t i) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(4 + i * n);
      return std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(n));
    };
    return {part(0), part(1), part(2), all[0], all[1], all[2], all[3]};
  }
};

/// What pairs found out while nothing else was on its way. Pairs that did not meet get medians.
LinkModel links_of_pairs(const std::vector<Findings>& all, const Transport& transport) {
  const int ranks = transport.size();
  LinkModel links = uniform_links(ranks, {.latency_seconds = 0, .bytes_per_second = 0});
  std::vector<double> latencies, rates;
  for (int r = 0; r < ranks; ++r) links.hosts[r] = transport.host_of(r);
  for (int from = 0; from < ranks; ++from)
    for (int to = 0; to < ranks; ++to) {
      const double rate = all[to].rate[from];
      const double latency = std::max(all[to].latency[from], all[from].latency[to]);
      links.link(from, to) = {latency, rate};
      if (rate == 0) continue;
      latencies.push_back(latency), rates.push_back(rate);
    }
  const Link typical{median(latencies), median(rates)};
  for (Link& link : links.links)
    if (link.bytes_per_second == 0) link = typical;
  return links;
}

/// `count` times a small message from each rank to the next.
Schedule shifts(int ranks, int count) {
  Schedule schedule(ranks);
  for (int i = 0; i < count; ++i)
    for (int r = 0; r < ranks; ++r) {
      schedule.send(r, (r + 1) % ranks, kSmall);
      schedule.receive(r, (r + ranks - 1) % ranks);
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
  Measurement(Transport& transport, double seconds, std::uint16_t channel)
      : transport_(transport),
        tag_{channel, Purpose::control},
        ranks_(transport.size()),
        rank_(transport.rank()),
        pair_seconds_(0.6 * seconds),
        slot_(0.1 * seconds),
        cargo_(kLastTrain),
        unloaded_(kLastTrain) {
    for (auto* by_peer : {&mine_.latency, &mine_.rate, &mine_.crowded_rate})
      by_peer->resize(ranks_);
  }

  LinkModel run();

 private:
  std::vector<Findings> gather();
  double slowest(double mine);

  int rounds() const { return ranks_ - 1 + ranks_ % 2; }
  std::optional<int> partner(int round) const;
  void meet_all();
  void meet(int peer, double seconds);
  double ping(int peer, double seconds);
  double ride(int peer, double latency, double seconds);
  double swap_trains(std::span<const int> to, std::span<const int> from, std::size_t bytes,
                     double latency, std::vector<double>& rates);
  void swap_small(int to, int from);

  void all_at_once(const LinkModel& links);
  void add();
  void shift_and_fan(int count);
  void add_what_is_shared(LinkModel& links, int count);

  Transport& transport_;
  const Tag tag_;
  const int ranks_, rank_;
  const double pair_seconds_, slot_;
  std::vector<std::byte> cargo_, unloaded_;
  Findings mine_;
};

LinkModel Measurement::run() {
  meet_all();
  LinkModel links = links_of_pairs(gather(), transport_);
  all_at_once(links);
  add();
  const double round_trip = 2 * links.link(0, 1).latency_seconds;
  const int count = std::clamp(static_cast<int>(slot_ / round_trip), 2, 20);
  shift_and_fan(count);
  add_what_is_shared(links, count);
  return links;
}

/// Everybody's findings, by rank; every rank then is at the same place.
std::vector<Findings> Measurement::gather() {
  std::vector<Findings> all;
  const std::vector<double> mine = mine_.packed();
  for (const auto& bytes : allgather(transport_, std::as_bytes(std::span(mine)), tag_.channel)) {
    std::vector<double> packed(mine.size());
    check(bytes.size() == packed.size() * sizeof(double), "all ranks measure the same group");
    std::memcpy(packed.data(), bytes.data(), bytes.size());
    all.push_back(Findings::unpacked(packed));
  }
  return all;
}

double Measurement::slowest(double mine) {
  double most = 0, theirs = 0;
  for (const auto& bytes :
       allgather(transport_, std::as_bytes(std::span(&mine, 1)), tag_.channel)) {
    std::memcpy(&theirs, bytes.data(), sizeof theirs);
    most = std::max(most, theirs);
  }
  return most;
}

/// In a tournament of everybody against everybody (the circle method), who this rank meets.
std::optional<int> Measurement::partner(int round) const {
  const int places = ranks_ + ranks_ % 2, turning = places - 1;
  int peer;
  if (rank_ == turning)
    peer = round * (places / 2) % turning;
  else if (2 * rank_ % turning == round)
    peer = turning;
  else
    peer = ((round - rank_) % turning + turning) % turning;
  if (peer >= ranks_) return std::nullopt;
  return peer;
}

/// As many rounds as there is time for.
void Measurement::meet_all() {
  int rounds_left = rounds();
  for (int round = 0; round < rounds_left; ++round) {
    const Stopwatch watch;
    if (const auto peer = partner(round)) meet(*peer, pair_seconds_ / rounds());
    if (round > 0 || rounds_left == 1) continue;
    rounds_left = std::min(rounds_left,
                           std::max(1, static_cast<int>(pair_seconds_ / slowest(watch.seconds()))));
  }
}

void Measurement::meet(int peer, double seconds) {
  swap_small(peer, peer);
  const Stopwatch watch;
  const double latency = ping(peer, seconds / 4);
  mine_.latency[peer] = latency;
  mine_.rate[peer] = ride(peer, latency, seconds - watch.seconds());
}

void Measurement::swap_small(int to, int from) {
  std::array<std::byte, kSmall> out{}, in{};
  const Ticket receive = transport_.post_receive(from, tag_, in);
  const Ticket send = transport_.post_send(to, tag_, out);
  transport_.wait(receive);
  transport_.wait(send);
}

/// Half a round trip, the median. The lower rank decides how often.
double Measurement::ping(int peer, double seconds) {
  const bool leads = rank_ < peer;
  std::vector<double> trips;
  const Stopwatch all;
  for (double more = 1; more != 0;) {
    Stopwatch trip;
    double heard = 0;
    if (leads) {
      const double last = trips.empty() ? 0 : trips.back();
      more = trips.size() < kMostPings && all.seconds() + 2 * last < seconds;
      transport_.wait(transport_.post_send(peer, tag_, std::as_bytes(std::span(&more, 1))));
    }
    transport_.wait(
        transport_.post_receive(peer, tag_, std::as_writable_bytes(std::span(&heard, 1))));
    if (!leads) {
      more = heard;
      transport_.wait(transport_.post_send(peer, tag_, std::as_bytes(std::span(&more, 1))));
    }
    trips.push_back(trip.seconds());
  }
  return leads ? median(trips) / 2 : 0;
}

/// Ever longer trains, both ways at once. The first byte of each says whether its sender would like
/// another one after it.
double Measurement::ride(int peer, double latency, double seconds) {
  const Stopwatch all;
  double took = 0;
  std::vector<double> rates(1);
  for (std::size_t bytes = kFirstTrain;; bytes *= 2) {
    const bool more = 2 * bytes <= kLastTrain && took < seconds / 4 && all.seconds() < seconds / 2;
    cargo_[0] = std::byte{more};
    took = swap_trains({&peer, 1}, {&peer, 1}, bytes, latency, rates);
    if (!more || unloaded_[0] == std::byte{0}) return rates[0];
  }
}

/// A train of `bytes` to each of `to`, and one from each of `from`, whose rates it writes down.
/// Returns the seconds that it took.
double Measurement::swap_trains(std::span<const int> to, std::span<const int> from,
                                std::size_t bytes, double latency, std::vector<double>& rates) {
  const std::size_t car = bytes / kCars;
  const Stopwatch watch;
  std::vector<Ticket> receives, sends;
  for (std::size_t c = 0; c < kCars; ++c)
    for (std::size_t p = 0; p < from.size(); ++p)
      receives.push_back(transport_.post_receive(
          from[p], tag_, MutBytes(unloaded_).subspan(p * bytes + c * car, car)));
  for (std::size_t c = 0; c < kCars; ++c)
    for (const int peer : to)
      sends.push_back(transport_.post_send(peer, tag_, Bytes(cargo_).subspan(c * car, car)));
  std::vector<std::vector<double>> came(from.size());
  for (std::size_t i = 0; i < receives.size(); ++i) {
    transport_.wait(receives[i]);
    came[i % from.size()].push_back(watch.seconds());
  }
  for (const Ticket send : sends) transport_.wait(send);
  for (std::size_t p = 0; p < from.size(); ++p) {
    const double whole = came[p].back();
    std::vector<double> stretches;
    for (std::size_t c = kStretch; c < kCars; ++c)
      stretches.push_back(came[p][c] - came[p][c - kStretch]);
    const double stretch = quantile(stretches, kStretchQuantile);
    const bool speaks_for_itself = whole > kSpeaksForItself * latency || stretch <= 0;
    rates[p] = speaks_for_itself
                   ? static_cast<double>(bytes) / (whole - std::min(latency, whole / 2))
                   : static_cast<double>(kStretch * car) / stretch;
  }
  return watch.seconds();
}

/// All ranks to the next one, then all to all others.
void Measurement::all_at_once(const LinkModel& links) {
  double least = std::numeric_limits<double>::infinity();
  for (int r = 0; r < ranks_; ++r)
    least = std::min(least, links.link(r, (r + 1) % ranks_).bytes_per_second);
  const auto train_to_each_of = [&](int peers) {
    const auto most = static_cast<double>(kLastTrain) / peers;
    const auto cars = std::clamp(least * slot_ / peers, double{kFirstTrain}, most) / kCars;
    return static_cast<std::size_t>(cars) * kCars;
  };
  const int next = (rank_ + 1) % ranks_, last = (rank_ + ranks_ - 1) % ranks_;
  const double latency = links.link(last, rank_).latency_seconds;
  std::vector<double> rates(1);
  swap_trains({&next, 1}, {&last, 1}, train_to_each_of(1), latency, rates);
  mine_.shift_rate = rates[0];

  std::vector<int> others;
  for (int d = 1; d < ranks_; ++d) others.push_back((rank_ + d) % ranks_);
  rates.resize(others.size());
  swap_trains(others, others, train_to_each_of(ranks_ - 1), latency, rates);
  for (std::size_t p = 0; p < others.size(); ++p)
    mine_.crowded_rate[static_cast<std::size_t>(others[p])] = rates[p];
}

void Measurement::shift_and_fan(int count) {
  const int next = (rank_ + 1) % ranks_, last = (rank_ + ranks_ - 1) % ranks_;
  swap_small(next, last);
  Stopwatch watch;
  for (int i = 0; i < count; ++i) swap_small(next, last);
  mine_.shift_seconds = watch.restart();

  std::vector<std::array<std::byte, kSmall>> small(ranks_);
  for (int i = 0; i < count; ++i) {
    std::vector<Ticket> receives, sends;
    const int peers = rank_ == 0 ? ranks_ : 1;
    for (int r = 0; r < peers; ++r)
      if (r != rank_) receives.push_back(transport_.post_receive(r, tag_, small[r]));
    if (rank_ != 0) transport_.wait(receives.front());
    for (int r = 0; r < peers; ++r)
      if (r != rank_) sends.push_back(transport_.post_send(r, tag_, Bytes(cargo_).first(kSmall)));
    if (rank_ == 0)
      for (const Ticket receive : receives) transport_.wait(receive);
    for (const Ticket send : sends) transport_.wait(send);
  }
  mine_.fan_seconds = watch.seconds();
}

/// An interface carries what all ranks' messages to all others showed, or what one link did.
void Measurement::add_what_is_shared(LinkModel& links, int count) {
  const auto all = gather();
  std::vector<double> adds, shift_seconds;
  double shifted = 0, alone = 0;
  std::vector<double> out(all.size()), in(all.size());
  for (int r = 0; r < ranks_; ++r) {
    adds.push_back(all[r].add_rate);
    shift_seconds.push_back(all[r].shift_seconds);
    shifted += all[r].shift_rate;
    alone += links.link((r + ranks_ - 1) % ranks_, r).bytes_per_second;
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
  if (shifted < kSharesNothing * alone) links.together_bytes_per_second = shifted;
  links.add_bytes_per_second = median(adds);
  fit(links, &LinkModel::crowd_seconds, shift_seconds[0], shifts(ranks_, count),
      median(shift_seconds));
  fit(links, &LinkModel::message_seconds, links.link(0, 1).latency_seconds / 2, fans(ranks_, count),
      all[0].fan_seconds);
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

LinkModel measure_links(Transport& transport, double seconds, std::uint16_t channel) {
  if (transport.size() == 1) return uniform_links(1, {});
  return Measurement(transport, seconds, channel).run();
}

}  // namespace laconic
