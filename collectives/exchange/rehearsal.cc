#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "base/check.h"
#include "base/clock.h"
#include "collectives/bucket_plan.h"
#include "collectives/exchange/kinds.h"
#include "collectives/exchange_cost.h"

// A rehearsal: the stages of a kind run for one bucket as every rank, stage by stage and one rank
// after the other, against a transport that keeps messages until somebody takes them, and that
// writes down what was asked of it and the time between. A stage only waits for what earlier stages
// sent, so everything is there in time; but for an allreduce, which waits within its stage: what it
// asks for too early arrives as zeros, whose values do not matter to what it does next. Where ranks
// reach each other's memory, what they borrow is the peer's own vector, and what it says.
namespace laconic {
namespace {

using Act = Schedule::Act;

/// In all ranks together, and in one at least: a shard of it for each rank still has something in.
constexpr std::size_t kFloatsInAll = std::size_t{1} << 23, kFewestFloats = std::size_t{1} << 17;
/// The first touches memory for the first time.
constexpr int kRehearsals = 3;

/// What the ranks of a group share.
struct Group {
  /// On its way, by from, to, channel.
  std::map<std::tuple<int, int, std::uint16_t>, std::deque<std::vector<std::byte>>> mail;
  std::vector<MutBytes> vectors;  // by rank
};

/// One rank's transport.
class Actor final : public Transport, private SharedMemory {
 public:
  Actor(int rank, const LinkModel& links, Group& group)
      : rank_(rank), links_(links), group_(group) {}

  std::string_view name() const override { return "rehearsal"; }
  int rank() const override { return rank_; }
  int size() const override { return links_.ranks; }
  int host_of(int rank) const override { return links_.hosts[static_cast<std::size_t>(rank)]; }

  /// What `play` does, as acts.
  template <typename Play>
  std::vector<Act> write_down(const Play& play) {
    acts_.clear();
    since_ = processor_seconds();
    play();
    pause();
    return std::move(acts_);
  }

  Ticket post_send(int to, Tag tag, Bytes payload) override {
    pause();
    acts_.push_back({Act::Kind::send, to, static_cast<double>(payload.size())});
    group_.mail[{rank_, to, tag.channel}].emplace_back(payload.begin(), payload.end());
    return post({.is_send = true, .peer = to, .channel = tag.channel, .into = {}});
  }

  Ticket post_receive(int from, Tag tag, MutBytes into) override {
    pause();
    return post({.is_send = false, .peer = from, .channel = tag.channel, .into = into});
  }

  std::size_t wait(Ticket ticket) override {
    pause();
    const Operation operation = operations_.extract(ticket.id).mapped();
    const auto kind = operation.is_send ? Act::Kind::finish_send : Act::Kind::receive;
    acts_.push_back({kind, operation.peer});
    const std::size_t bytes = operation.is_send ? 0 : take(operation);
    since_ = processor_seconds();
    return bytes;
  }

  std::optional<std::size_t> poll(Ticket ticket) override { return wait(ticket); }
  Ticket wait_any(std::span<const Ticket> tickets) override { return tickets.front(); }
  void wake() noexcept override {}
  SharedMemory* shared_memory() override { return links_.shared_memory ? this : nullptr; }
  void abort(std::string_view, ExitStatus) noexcept override {}

 private:
  MutBytes allocate(std::size_t) override { return {}; }
  /// In the vector, or in something smaller for which the vector stands.
  std::optional<Place> place_of(Bytes) const override { return 0; }
  MutBytes borrow(int peer, Place offset, std::size_t bytes) override {
    const MutBytes vector = group_.vectors[static_cast<std::size_t>(peer)];
    check(offset + bytes <= vector.size(), "nothing is borrowed that is longer than the vector");
    return vector.subspan(offset, bytes);
  }
  void give_back(int) noexcept override {}

  struct Operation {
    bool is_send;
    int peer;
    std::uint16_t channel;
    MutBytes into;
  };

  Ticket post(const Operation& operation) {
    operations_[++last_id_] = operation;
    since_ = processor_seconds();
    return {last_id_};
  }

  std::size_t take(const Operation& operation) {
    auto& waiting = group_.mail[{operation.peer, rank_, operation.channel}];
    if (waiting.empty()) {
      std::fill(operation.into.begin(), operation.into.end(), std::byte{});
      return operation.into.size();
    }
    const std::vector<std::byte> message = std::move(waiting.front());
    waiting.pop_front();
    check(message.size() <= operation.into.size(), "room for what is sent");
    std::copy(message.begin(), message.end(), operation.into.begin());
    return message.size();
  }

  /// What was computed since the last call; other ranks of this machine rehearse too.
  void pause() { acts_.push_back({Act::Kind::compute, 0, processor_seconds() - since_}); }

  const int rank_;
  const LinkModel& links_;
  Group& group_;
  std::vector<Act> acts_;
  double since_ = 0;
  std::unordered_map<std::uint64_t, Operation> operations_;
  std::uint64_t last_id_ = 0;
};

/// A rank, and what it needs to take one bucket through its stages.
struct Player {
  Player(int rank, const LinkModel& links, Group& group, Floats gradient)
      : actor(rank, links, group), vector(gradient.begin(), gradient.end()) {
    // Ranks have seen other examples: what is large differs.
    const std::size_t shift =
        vector.size() * static_cast<std::size_t>(rank) / static_cast<std::size_t>(links.ranks);
    std::rotate(vector.begin(), vector.begin() + static_cast<std::ptrdiff_t>(shift), vector.end());
    gradient_ = vector;
  }

  void begin(const Step& step) {
    std::copy(gradient_.begin(), gradient_.end(), vector.begin());
    round.emplace(actor, vector.size());
    round->begin(vector, {}, step);
    flight.emplace(actor, timeline, 0, stages->count());
    flight->launch(0, {0, vector.size()});
  }

  Actor actor;
  std::vector<float> vector;
  std::unique_ptr<Stages> stages;
  Timeline timeline;
  std::optional<Round> round;
  std::optional<Flight> flight;

 private:
  std::vector<float> gradient_;
};

/// By rank and stage; the last is landing.
using ActsOfAll = std::vector<std::vector<std::vector<Act>>>;

/// All ranks of a group, and one bucket.
class Rehearsal {
 public:
  Rehearsal(const ExchangeOptions& options, const Layout& layout, const LinkModel& links,
            Floats gradient, Slice bucket)
      : step_{options.warm_up.steps, make_key(1, kEveryRank, 0, RngPurpose::compress), {}} {
    const Layout piece = layout_of(layout, bucket);
    const std::vector<Slice> only{{0, bucket.count}};
    for (int r = 0; r < links.ranks; ++r) {
      auto& player =
          players_.emplace_back(std::make_unique<Player>(r, links, group_, part(gradient, bucket)));
      group_.vectors.push_back(std::as_writable_bytes(std::span(player->vector)));
      player->stages = make_stages(options, player->actor, piece, only);
    }
  }

  std::size_t in_flight() const { return players_.front()->stages->in_flight(); }

  /// What each did.
  ActsOfAll once() {
    const std::size_t stages = players_.front()->stages->count();
    ActsOfAll acts(players_.size());
    for (auto& player : players_) player->begin(step_);
    for (std::size_t stage = 0; stage < stages; ++stage)
      for (std::size_t r = 0; r < players_.size(); ++r) {
        Player& p = *players_[r];
        acts[r].push_back(p.actor.write_down([&] {
          check(p.flight->may_run(stage), "a message that an earlier stage has sent");
          p.stages->run(stage, *p.flight, *p.round);
        }));
      }
    for (std::size_t r = 0; r < players_.size(); ++r)
      acts[r].push_back(players_[r]->actor.write_down([&] { players_[r]->flight->has_landed(); }));
    group_.mail.clear();
    return acts;
  }

 private:
  const Step step_;
  Group group_;
  std::vector<std::unique_ptr<Player>> players_;
};

/// Calls `with` for every act and for what stands in its place in another rehearsal, where the two
/// went the same way.
template <typename Ours, typename With>
void side_by_side(Ours& ours, const ActsOfAll& others, const With& with) {
  for (std::size_t r = 0; r < ours.size(); ++r)
    for (std::size_t stage = 0; stage < ours[r].size(); ++stage) {
      auto& acts = ours[r][stage];
      if (acts.size() != others[r][stage].size()) continue;
      for (std::size_t i = 0; i < acts.size(); ++i) with(acts[i], others[r][stage][i]);
    }
}

/// Of two rehearsals, the quicker: what else the machine did meanwhile is not the exchange's.
void keep_less_time(Act& act, const Act& again) {
  if (act.kind == Act::Kind::compute) act.amount = std::min(act.amount, again.amount);
}

/// At most so much of a bucket, to the end of a row: what is cut within one is no matrix any more.
std::size_t part_of(const Layout& layout, Slice bucket, std::size_t most) {
  if (bucket.count <= most) return bucket.count;
  const std::size_t cut = bucket.begin + most;
  for (const Tensor& tensor : layout) {
    if (cut <= tensor.begin || cut >= tensor.begin + tensor.count()) continue;
    const std::size_t within = (cut - std::max(tensor.begin, bucket.begin)) % tensor.columns;
    return within < most ? most - within : most;
  }
  return most;
}

double ready_at(Slice bucket, const Computation& computation) {
  double at = 0;
  std::size_t known = 0;
  for (const auto& [part, seconds] : computation.announced) {
    const std::size_t begin = std::max(part.begin, bucket.begin);
    const std::size_t end = std::min(part.end(), bucket.end());
    if (begin >= end) continue;
    known += end - begin;
    at = std::max(at, seconds);
  }
  return known < bucket.count ? computation.seconds : at;
}

}  // namespace

ExchangeCost::ExchangeCost(const ExchangeOptions& options, const Layout& layout,
                           const LinkModel& links, Floats gradient)
    : buckets_(plan_buckets(layout, options.bucket_bytes)),
      overlap_(options.overlap),
      late_(options.late) {
  if (buckets_.empty()) return;
  const Slice largest =
      *std::max_element(buckets_.begin(), buckets_.end(),
                        [](const Slice& a, const Slice& b) { return a.count < b.count; });
  const auto ranks = static_cast<std::size_t>(links.ranks);
  rehearsed_ = part_of(layout, largest, std::max(kFewestFloats, kFloatsInAll / ranks));

  Rehearsal rehearsal(options, layout, links, gradient, {largest.begin, rehearsed_});
  in_flight_ = rehearsal.in_flight();
  rehearsal.once();
  ActsOfAll acts = rehearsal.once();
  for (int i = 2; i < kRehearsals; ++i) side_by_side(acts, rehearsal.once(), keep_less_time);
  for (const auto& stages : acts) {
    auto& of_rank = acts_.emplace_back();
    for (const auto& of_stage : stages) of_rank.emplace_back(of_stage.begin(), of_stage.end());
  }
  // Two lengths tell what of a message grows with the bucket.
  const std::size_t part = part_of(layout, {largest.begin, rehearsed_}, rehearsed_ / 2);
  if (part == 0 || part == rehearsed_) return;
  Rehearsal shorter(options, layout, links, gradient, {largest.begin, part});
  const double share = static_cast<double>(part) / static_cast<double>(rehearsed_);
  side_by_side(acts_, shorter.once(), [share](Act& whole, const Schedule::Act& less) {
    if (whole.kind == Act::Kind::send)
      whole.fixed =
          std::clamp((less.amount - share * whole.amount) / (1 - share), 0.0, whole.amount);
  });
}

/// Seconds or bytes of an act for a bucket, which may be longer than what was rehearsed.
double ExchangeCost::amount(const Act& act, Slice bucket) const {
  const double scale = static_cast<double>(bucket.count) / static_cast<double>(rehearsed_);
  return act.fixed + (act.amount - act.fixed) * scale;
}

/// `slower`: by what factor all that is computed, since ranks share processors.
void ExchangeCost::append(Schedule& schedule, Slice bucket, std::size_t stage,
                          double slower) const {
  for (int r = 0; r < schedule.ranks(); ++r)
    for (const Act& act : acts_[static_cast<std::size_t>(r)][stage]) {
      if (act.kind == Act::Kind::compute) schedule.compute(r, amount(act, bucket) * slower);
      if (act.kind == Act::Kind::send) schedule.send(r, act.peer, amount(act, bucket));
      if (act.kind == Act::Kind::receive) schedule.receive(r, act.peer);
      if (act.kind == Act::Kind::finish_send) schedule.finish_send(r, act.peer);
    }
}

/// From a stage of a bucket to the next one, more or less, while nothing else is on its way.
double ExchangeCost::hop_seconds(const LinkModel& links) const {
  Schedule alone(links.ranks);
  for (std::size_t stage = 0; stage <= stages(); ++stage) append(alone, buckets_.front(), stage);
  return predict_seconds(alone, links) /
         static_cast<double>(std::max<std::size_t>(2, stages()) - 1);
}

/// In which order a rank takes buckets through stages, the same on all: the pipeline does what can
/// be done, and so takes up a bucket while others are on their way, if it has room for them. Later
/// stages go first.
std::vector<ExchangeCost::Turn> ExchangeCost::turns(const std::vector<double>& ready,
                                                    double hop) const {
  std::vector<Turn> turns;
  std::vector<double> landed;
  double at = 0;
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    at = std::max(at, ready[b]);
    if (b >= in_flight_) at = std::max(at, landed[b - in_flight_]);
    for (std::size_t stage = 0; stage < stages(); ++stage)
      turns.push_back({b, stage, at + hop * static_cast<double>(stage)});
    landed.push_back(turns.back().at);
  }
  std::stable_sort(turns.begin(), turns.end(), [](const Turn& x, const Turn& y) {
    return x.at != y.at ? x.at < y.at : x.stage > y.stage;
  });
  return turns;
}

/// What the computation takes longer for buckets that are under way beside it, where it has to
/// share processors with them: their work, and their messages, which each rank sees to and which
/// crowd the others'.
double ExchangeCost::delay(const LinkModel& links, const Computation& computation) const {
  double most = 0, messages = 0;
  for (const auto& stages : acts_) {
    double work = 0;
    for (const Slice bucket : buckets_) {
      if (!overlap_ || (!late_ && ready_at(bucket, computation) >= computation.seconds)) continue;
      for (const Acts& acts : stages)
        for (const Act& act : acts) {
          const bool computes = act.kind == Act::Kind::compute;
          const bool sends = act.kind == Act::Kind::send;
          work += computes ? computation.contention * amount(act, bucket)
                           : std::min(1.0, computation.contention) * links.message_seconds;
          messages += sends ? 1 : 0;
        }
    }
    most = std::max(most, work);
  }
  return most + std::min(1.0, computation.contention) * messages * links.crowd_seconds;
}

double ExchangeCost::step_seconds(const LinkModel& links, const Computation& computation) const {
  if (buckets_.empty()) return computation.seconds;
  const double end = computation.seconds + delay(links, computation);
  const double stretch = computation.seconds > 0 ? end / computation.seconds : 1;
  std::vector<double> ready;
  for (const Slice bucket : buckets_)
    ready.push_back(late_ && overlap_ ? 0
                    : overlap_        ? ready_at(bucket, computation) * stretch
                                      : end);
  const double slower = std::max(1.0, computation.contention);
  Schedule schedule(links.ranks);
  for (const Turn& turn : turns(ready, hop_seconds(links))) {
    if (turn.stage == 0)
      for (int r = 0; r < links.ranks; ++r) schedule.wait_until(r, ready[turn.bucket]);
    append(schedule, buckets_[turn.bucket], turn.stage, slower);
  }
  for (const Slice bucket : buckets_) append(schedule, bucket, stages(), slower);
  return std::max(end, predict_seconds(schedule, links));
}

double ExchangeCost::bytes_sent() const {
  double bytes = 0;
  for (const Slice bucket : buckets_)
    for (const auto& stages : acts_)
      for (const Acts& acts : stages)
        for (const Act& act : acts)
          if (act.kind == Act::Kind::send) bytes += amount(act, bucket);
  return acts_.empty() ? 0 : bytes / static_cast<double>(acts_.size());
}

double ExchangeCost::work_seconds() const {
  double most = 0;
  for (const auto& stages : acts_) {
    double seconds = 0;
    for (const Slice bucket : buckets_)
      for (const Acts& acts : stages)
        for (const Act& act : acts)
          if (act.kind == Act::Kind::compute) seconds += amount(act, bucket);
    most = std::max(most, seconds);
  }
  return most;
}

}  // namespace laconic
