// `laconic bench rounds`: what a round of the methods for saddle points takes beyond its arithmetic
// and one copy of what it sends, beside what memory takes to hand over the operators.
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstring>
#include <memory>
#include <numeric>
#include <thread>

#include "base/clock.h"
#include "collectives/ledger.h"
#include "launcher/assemble.h"
#include "launcher/bench/subjects.h"
#include "launcher/bench/timing.h"
#include "launcher/world.h"
#include "train/config.h"

namespace laconic::bench {
namespace {

struct Options {
  std::vector<std::uint64_t> dense{100, 300, 1000, 4000}, diagonal{1000, 10000, 100000};
  int ranks = 10;
  double seconds = 3;
};

struct Kind {
  std::string name, method, exchange;
};

/// Rates are given, and so small that nothing moves: a round takes as long anywhere.
const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"extragradient", "extragradient { rate: 1e-6 }", "dense { allreduce: \"star\" }"},
      {"masha1 rand_k 10%", "masha1 { rate: 1e-6 sync_probability: 0.1 }",
       "star {} compressor { rand_k { density: 0.1 unbiased: true shared: false } } "
       "error_feedback { on: false }"},
      {"masha2 top_k 10%", "masha2 { rate: 1e-6 sync_probability: 0.1 }",
       "star {} compressor { top_k { density: 0.1 } }"}};
  return all;
}

/// Couplings of ranks, of which each has one of d x d floats, or d where they are diagonal.
struct Size {
  std::uint64_t dimensions;
  bool diagonal;

  std::uint64_t bytes() const { return sizeof(float) * dimensions * (diagonal ? 1 : dimensions); }
};

Experiment experiment_of(const Kind& kind, const Size& size) {
  return parse_experiment(
      fmt::format(
          "steps: 1 problem {{ bilinear {{ dimensions: {} diagonal: {} }} }} method {{ {} }} "
          "exchange {{ {} }} transport {{ deadline: 3600 }}",
          size.dimensions, size.diagonal, kind.method, kind.exchange),
      "bench", {});
}

/// The operator of a rank, counting how often it is asked for.
class Counting final : public Oracle {
 public:
  explicit Counting(Oracle& inner) : inner_(inner) {}
  const Layout& layout() const override { return inner_.layout(); }
  void initialize(RngKey key, MutFloats x) const override { inner_.initialize(key, x); }
  std::uint64_t examples() const override { return inner_.examples(); }
  double evaluate(Floats at, const Sample& sample, MutFloats out, const ReadyFn& ready) override {
    ++calls;
    return inner_.evaluate(at, sample, out, ready);
  }
  Scores score(Floats at, Share share) const override { return inner_.score(at, share); }

  std::uint64_t calls = 0;

 private:
  Oracle& inner_;
};

/// A rank that rounds are timed on, with all that it needs for them and for what is bare of them.
class Timed {
 public:
  Timed(const Experiment& experiment, const SharedData& data, const Size& size, Transport& wire)
      : transport_(count_bytes(wire, ledger_)),
        oracle_(make_oracle(experiment, data, wire.rank(), wire.size())),
        counting_(*oracle_),
        exchanges_(make_exchanges(experiment, *transport_, oracle_->layout())),
        method_(make_method(experiment, counting_, exchanges_, wire.rank(), wire.size())),
        at_(flat_size(oracle_->layout())),
        out_(at_.size()),
        from_(at_.size()),
        to_(at_.size()),
        as_large_((size.bytes() + 7) / 8, 1) {}

  void rounds(std::uint64_t count) {
    const std::uint64_t calls = counting_.calls, sent = ledger_.sent.total();
    for (std::uint64_t i = 0; i < count; ++i, ++step_)
      method_->step(counting_, {step_, make_key(1, kEveryRank, step_, RngPurpose::compress), {}});
    calls_ = counting_.calls - calls;
    sent_ = ledger_.sent.total() - sent;
  }

  std::uint64_t calls() const { return calls_; }  ///< Of the operator, in the last rounds.

  /// One of these calls, with a copy of its part of what was sent.
  void bare_call() {
    oracle_->evaluate(at_, {}, out_, {});
    for (std::uint64_t left = sent_ / calls_; left > 0;) {
      const std::size_t part = std::min<std::size_t>(left, sizeof(float) * from_.size());
      std::memcpy(to_.data(), from_.data(), part);
      left -= part;
    }
  }

  /// As much memory as a call has to read, by the plainest loop that there is.
  void bare_read() {
    sum_ += std::accumulate(as_large_.begin(), as_large_.end(), std::uint64_t{0});
  }

 private:
  Ledger ledger_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Oracle> oracle_;
  Counting counting_;
  Exchanges exchanges_;
  std::unique_ptr<Method> method_;
  std::vector<float> at_, out_, from_, to_;
  std::vector<std::uint64_t> as_large_;
  std::uint64_t sum_ = 0, step_ = 0, calls_ = 0, sent_ = 0;
};

struct Times {
  std::vector<double> ratios, read, bare, ours;  ///< A round; seconds.
};

/// `work` for each call of the last rounds of every `stride`-th rank from `first`: the ranks in
/// turn, as rounds have it, and back again, so that the cache still has what it can have.
template <typename Work>
void for_calls(const std::vector<Timed*>& ranks, std::size_t first, std::size_t stride, Work work) {
  std::vector<Timed*> own;
  for (std::size_t r = first; r < ranks.size(); r += stride) own.push_back(ranks[r]);
  bool any = true;
  for (std::uint64_t call = 0; any; ++call) {
    any = false;
    for (Timed* rank : own) {
      if (call >= rank->calls()) continue;
      work(*rank);
      any = true;
    }
    std::ranges::reverse(own);
  }
}

/// All ranks do a number of rounds; then as many threads as there are cores do what is bare of
/// them, without ever waiting for each other, and read as much memory; and so on.
Times measure(const Experiment& experiment, const SharedData& data, const Size& size,
              const Options& options) {
  constexpr std::uint64_t kRounds = 20;  // two synchronisations are to be expected in them
  Times times;
  std::barrier<> together(options.ranks);
  std::vector<Timed*> all(static_cast<std::size_t>(options.ranks));
  const std::size_t cores =
      std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, all.size());
  bool enough = false;
  std::atomic<bool> failed = false;
  const auto body = [&](Transport& wire) {
    Timed timed(experiment, data, size, wire);
    const auto rank = static_cast<std::size_t>(wire.rank());
    all[rank] = &timed;
    timed.rounds(kRounds);  // memory is touched, the anchor settled
    const Stopwatch total;
    while (!enough) {
      together.arrive_and_wait();
      const Stopwatch ours;
      timed.rounds(kRounds);
      together.arrive_and_wait();
      if (failed) return;  // somebody's part of `all` is gone
      const double of_ours = ours.seconds();
      const Stopwatch bare;
      if (rank < cores) for_calls(all, rank, cores, [](Timed& t) { t.bare_call(); });
      together.arrive_and_wait();
      const double of_bare = bare.seconds();
      const Stopwatch read;
      if (rank < cores) for_calls(all, rank, cores, [](Timed& t) { t.bare_read(); });
      together.arrive_and_wait();
      if (rank == 0) {
        times.read.push_back(read.seconds() / kRounds);
        times.ratios.push_back(of_ours / of_bare);
        times.ours.push_back(of_ours / kRounds);
        times.bare.push_back(of_bare / kRounds);
        enough = times.ratios.size() >= 5 && total.seconds() > options.seconds;
      }
      together.arrive_and_wait();
    }
  };
  run_ranks({.ranks = options.ranks, .deadline_seconds = experiment.deadline_seconds},
            [&](Transport& wire) {
              try {
                body(wire);
              } catch (...) {
                failed = true;
                together.arrive_and_drop();  // nobody waits for a rank that is gone
                throw;
              }
            });
  return times;
}

ExitStatus run(const Options& options) {
  fmt::print(
      "Bilinear problems, {} ranks as threads. A round over what is bare of it, the same operators "
      "and one\n"
      "memcpy of what was sent, on all cores at once, in the same run: median (quartiles). read: "
      "sums over as\n"
      "much memory as those operators are.\n\n"
      "{:<9}  {:>10}  {:<18}  {:>9}  {:>9}  {:>9}  {}\n",
      options.ranks, "operators", "dimensions", "method", "read, ms", "bare, ms", "round, ms",
      "round over bare");
  const auto print = [&](const Size& size) {
    SharedData data;  // one instance for all methods
    for (const Kind& kind : kinds()) {
      const Times times = measure(experiment_of(kind, size), data, size, options);
      fmt::print("{:<9}  {:>10}  {:<18}  {:>9.4g}  {:>9.4g}  {:>9.4g}  {}\n",
                 size.diagonal ? "diagonal" : "dense", size.dimensions, kind.name,
                 1e3 * spread_of(times.read).median, 1e3 * spread_of(times.bare).median,
                 1e3 * spread_of(times.ours).median, text_of(spread_of(times.ratios)));
      std::fflush(stdout);
    }
  };
  for (const std::uint64_t dimensions : options.dense) print({dimensions, false});
  for (const std::uint64_t dimensions : options.diagonal) print({dimensions, true});
  return ExitStatus::done;
}

}  // namespace

void add_rounds(CLI::App& bench, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = bench.add_subcommand(
      "rounds", "What a round of methods for saddle points takes beyond its arithmetic");
  sub->add_option("--dense", options->dense, "Dimensions of x and of y each: 100,1000")
      ->delimiter(',');
  sub->add_option("--diagonal", options->diagonal, "The same, with diagonal operators")
      ->delimiter(',');
  sub->add_option("--ranks", options->ranks, "Threads of this process")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  sub->add_option("--seconds", options->seconds, "For each row")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  sub->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace laconic::bench
