#include "collectives/cost_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <limits>
#include <queue>
#include <utility>

#include "base/check.h"

// The clock jumps from event to event: a message enters its link, or its last byte leaves it. In
// between all rates stand still. A rank is taken as far as it can get whenever a message that it
// waits for has left, since it then is known when that arrives.
namespace laconic {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

struct Message {
  int from, to;
  double size;
  bool in_row;           // sent right after another one
  double bytes = size;   // still to go
  double left = kNever;  // when its last byte leaves
};

/// The rates of the messages on their way: raised together, until what some of them share is used
/// up; those then keep theirs, and the others are raised further.
class Sharing {
 public:
  explicit Sharing(const LinkModel& links) : links_(links), hosts_(0) {
    for (const int host : links.hosts) hosts_ = std::max(hosts_, host + 1);
    // Every rank's interface out and in, every machine's, and all together.
    room_.resize(static_cast<std::size_t>(2 * links.ranks + 2 * hosts_ + 1));
    for (std::size_t r = 0; r < static_cast<std::size_t>(links.ranks); ++r) {
      const auto host = static_cast<std::size_t>(2 * links.ranks + 2 * links.hosts[r]);
      room_[2 * r] = links.out_bytes_per_second[r];
      room_[2 * r + 1] = links.in_bytes_per_second[r];
      room_[host] = std::max(room_[host], links.out_bytes_per_second[r]);
      room_[host + 1] = std::max(room_[host + 1], links.in_bytes_per_second[r]);
    }
    room_.back() = links.together_bytes_per_second;
  }

  std::vector<double> rates(const std::vector<const Message*>& messages) const {
    std::vector<double> rates(messages.size(), -1), left = room_, sharers(room_.size());
    const std::vector<double> weights = weights_of(messages);
    for (std::size_t i = 0; i < messages.size(); ++i)
      for (const std::size_t shared : shared_by(*messages[i])) sharers[shared] += weights[i];
    for (std::size_t open = messages.size(); open > 0;) {
      double level = kNever;
      for (std::size_t i = 0; i < messages.size(); ++i)
        if (rates[i] < 0) level = std::min(level, limit(*messages[i], weights[i], left, sharers));
      for (std::size_t i = 0; i < messages.size(); ++i) {
        if (rates[i] >= 0 || limit(*messages[i], weights[i], left, sharers) > level * (1 + 1e-9))
          continue;
        rates[i] = level;
        settled_.push_back(i);
      }
      for (const std::size_t i : settled_)
        for (const std::size_t shared : shared_by(*messages[i]))
          left[shared] = std::max(0.0, left[shared] - level * weights[i]),
          sharers[shared] -= weights[i];
      open -= settled_.size();
      settled_.clear();
    }
    return rates;
  }

 private:
  /// Indices into room_.
  struct Shared {
    std::array<std::size_t, 5> indices;
    std::size_t count;
    const std::size_t* begin() const { return indices.data(); }
    const std::size_t* end() const { return indices.data() + count; }
  };

  /// Messages within a machine do not use its interface.
  Shared shared_by(const Message& m) const {
    const int from_host = links_.hosts[m.from];
    const int to_host = links_.hosts[m.to];
    return {{2u * m.from, 2u * m.to + 1u, room_.size() - 1, 2u * (links_.ranks + from_host),
             2u * (links_.ranks + to_host) + 1u},
            from_host == to_host ? 3u : 5u};
  }

  /// How much of what it shares a message uses up for each byte: more where one goes the other way.
  std::vector<double> weights_of(const std::vector<const Message*>& messages) const {
    const auto ranks = static_cast<std::size_t>(links_.ranks);
    std::vector<double> weights(messages.size(), 1);
    if (links_.both_ways_share == 1) return weights;
    std::vector<bool> in_use(ranks * ranks);
    for (const Message* m : messages) in_use[m->from * ranks + m->to] = true;
    for (std::size_t i = 0; i < messages.size(); ++i)
      if (in_use[messages[i]->to * ranks + messages[i]->from])
        weights[i] = 1 / links_.both_ways_share;
    return weights;
  }

  double limit(const Message& m, double weight, const std::vector<double>& left,
               const std::vector<double>& sharers) const {
    double limit = links_.link(m.from, m.to).bytes_per_second / weight;
    for (const std::size_t shared : shared_by(m))
      limit = std::min(limit, left[shared] / sharers[shared]);
    return limit;
  }

  const LinkModel& links_;
  int hosts_;
  std::vector<double> room_;
  mutable std::vector<std::size_t> settled_;
};

class Simulation {
 public:
  Simulation(const Schedule& schedule, const LinkModel& links)
      : schedule_(schedule),
        links_(links),
        sharing_(links),
        ranks_(static_cast<std::size_t>(schedule.ranks())),
        pairs_(ranks_.size() * ranks_.size()) {}

  double run() {
    for (std::size_t r = 0; r < ranks_.size(); ++r) advance(static_cast<int>(r));
    while (!posted_.empty() || !admitted_.empty() || !moving_.empty()) next_event();
    double end = 0;
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
      check(ranks_[r].next == schedule_.acts(static_cast<int>(r)).size(),
            "a schedule in which every message that is waited for is sent");
      end = std::max(end, ranks_[r].clock);
    }
    return end;
  }

 private:
  struct Rank {
    double clock = 0;
    std::size_t next = 0;  // act
    bool sends = false;    // its last act was to send
  };
  struct Pair {
    std::vector<std::size_t> messages;  // in the order sent
    std::size_t received = 0, finished = 0, moved = 0;
    std::deque<std::size_t> queue;  // entered, but behind another message
    bool busy = false;
  };
  using Timed = std::pair<double, std::size_t>;  // when which message

  Pair& pair(int from, int to) { return pairs_[from * ranks_.size() + to]; }

  /// As far as rank `r` can get with what is known.
  void advance(int r) {
    Rank& rank = ranks_[r];
    const auto& acts = schedule_.acts(r);
    while (rank.next < acts.size() && act(r, rank, acts[rank.next])) ++rank.next;
  }

  bool act(int r, Rank& rank, const Schedule::Act& act) {
    using Kind = Schedule::Act::Kind;
    if (act.kind != Kind::send) rank.sends = false;
    switch (act.kind) {
      case Kind::compute:
        rank.clock += act.amount;
        return true;
      case Kind::wait_until:
        rank.clock = std::max(rank.clock, act.amount);
        return true;
      case Kind::send:
        rank.clock += links_.message_seconds_of(act.amount);
        pair(r, act.peer).messages.push_back(messages_.size());
        posted_.emplace(rank.clock, messages_.size());
        messages_.push_back({r, act.peer, act.amount, std::exchange(rank.sends, true)});
        return true;
      case Kind::finish_send: {
        Pair& to = pair(r, act.peer);
        check(to.finished < to.messages.size(), "a send comes before it is finished");
        const double left = messages_[to.messages[to.finished]].left;
        if (left == kNever) return false;
        ++to.finished;
        rank.clock = std::max(rank.clock, left);
        return true;
      }
      case Kind::receive: {
        Pair& from = pair(act.peer, r);
        if (from.received == from.messages.size()) return false;
        const Message& message = messages_[from.messages[from.received]];
        if (message.left == kNever) return false;
        ++from.received;
        rank.clock = std::max(rank.clock, message.left + flight_seconds(message)) +
                     links_.message_seconds_of(message.size);
        return true;
      }
    }
    return false;
  }

  /// A latency was measured with what both ends take for the message.
  double flight_seconds(const Message& m) const {
    const double both_ends = 2 * links_.message_seconds_of(m.size);
    return std::max(0.0, links_.link(m.from, m.to).latency_seconds - both_ends) +
           links_.packet_seconds * std::min(1.0, m.size / LinkModel::kPacketBytes);
  }

  void next_event() {
    if (std::exchange(others_move_, false)) rates_ = sharing_.rates(on_links());
    double end = kNever;
    for (std::size_t i = 0; i < moving_.size(); ++i)
      end = std::min(end, now_ + seconds_left(messages_[moving_[i]], rates_[i]));
    const double post = posted_.empty() ? kNever : posted_.top().first;
    const double entry = admitted_.empty() ? kNever : admitted_.front().first;
    const double now = std::max(now_, std::min({end, post, entry}));
    std::vector<std::size_t> left;
    for (std::size_t i = 0; i < moving_.size(); ++i) {
      Message& message = messages_[moving_[i]];
      // Those that end together in truth are not told apart by a rounding error.
      if (now_ + seconds_left(message, rates_[i]) <= now * (1 + 1e-9))
        left.push_back(moving_[i]);
      else
        message.bytes -= rates_[i] * (now - now_);
    }
    now_ = now;
    for (const std::size_t message : left) leave(message);
    while (!posted_.empty() && posted_.top().first <= now) admit();
    while (!admitted_.empty() && admitted_.front().first <= now) enter();
  }

  static double seconds_left(const Message& message, double rate) {
    return message.bytes <= 0 || std::isinf(rate) ? 0 : message.bytes / rate;
  }

  std::vector<const Message*> on_links() const {
    std::vector<const Message*> messages;
    for (const std::size_t m : moving_) messages.push_back(&messages_[m]);
    return messages;
  }

  /// The next message that was posted may enter once those before it have been handled.
  void admit() {
    const auto [time, message] = posted_.top();
    posted_.pop();
    const double entry = std::max(time, crowd_free_);
    const Message& m = messages_[message];
    crowd_free_ = entry + (m.in_row ? links_.row_share : 1) * links_.crowd_seconds_of(m.size);
    admitted_.emplace_back(entry, message);
  }

  void enter() {
    const std::size_t message = admitted_.front().second;
    admitted_.pop_front();
    Pair& on = pair(messages_[message].from, messages_[message].to);
    if (std::exchange(on.busy, true)) {
      on.queue.push_back(message);
    } else {
      moving_.push_back(message);
      others_move_ = true;
    }
  }

  void leave(std::size_t message) {
    const int from = messages_[message].from, to = messages_[message].to;
    messages_[message].left = now_;
    moving_.erase(std::find(moving_.begin(), moving_.end(), message));
    others_move_ = true;
    Pair& on = pair(from, to);
    on.busy = !on.queue.empty();
    if (on.busy) {
      moving_.push_back(on.queue.front());
      on.queue.pop_front();
    }
    advance(from);
    advance(to);
  }

  const Schedule& schedule_;
  const LinkModel& links_;
  const Sharing sharing_;
  std::vector<Rank> ranks_;
  std::vector<Pair> pairs_;
  std::vector<Message> messages_;
  std::vector<std::size_t> moving_;
  std::vector<double> rates_;  // of those
  bool others_move_ = false;   // than those that rates_ is of
  std::priority_queue<Timed, std::vector<Timed>, std::greater<>> posted_;
  std::deque<Timed> admitted_;  // in the order in which they enter their links
  double now_ = 0;
  double crowd_free_ = 0;  // when the last message that entered delays no other
};

}  // namespace

void Schedule::send(int from, int to, double bytes) {
  acts_[from].push_back({Act::Kind::send, to, bytes});
}
void Schedule::receive(int to, int from) { acts_[to].push_back({Act::Kind::receive, from}); }
void Schedule::finish_send(int from, int to) {
  acts_[from].push_back({Act::Kind::finish_send, to});
}
void Schedule::compute(int rank, double seconds) {
  acts_[rank].push_back({Act::Kind::compute, 0, seconds});
}
void Schedule::wait_until(int rank, double seconds) {
  acts_[rank].push_back({Act::Kind::wait_until, 0, seconds});
}

double predict_seconds(const Schedule& schedule, const LinkModel& links) {
  check(schedule.ranks() == links.ranks, "a schedule and links of the same ranks");
  return Simulation(schedule, links).run();
}

double predict_seconds(const AllreduceAlgorithm& algorithm, std::size_t floats,
                       const LinkModel& links) {
  return predict_seconds(schedule_of(algorithm, floats, links), links);
}

const AllreduceAlgorithm& fastest_allreduce(std::size_t floats, const LinkModel& links) {
  const AllreduceAlgorithm* fastest = nullptr;
  double least = kNever;
  for (const AllreduceAlgorithm& algorithm : allreduce_algorithms()) {
    const double seconds = predict_seconds(algorithm, floats, links);
    if (fastest != nullptr && seconds >= least) continue;
    fastest = &algorithm;
    least = seconds;
  }
  return *fastest;
}

}  // namespace laconic
