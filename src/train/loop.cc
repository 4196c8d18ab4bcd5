#include "train/loop.h"

#include <fmt/core.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <optional>

#include "base/clock.h"
#include "base/errors.h"
#include "base/hash.h"
#include "collectives/control.h"
#include "train/agreement.h"
#include "train/auto_pilot.h"
#include "train/checkpoint.h"
#include "train/choice.h"
#include "train/names.h"
#include "train/reports.h"
#include "train/run_state.h"
#include "train/scores.h"
#include "train/trace.h"
#include "train/verdict.h"

namespace laconic {
namespace {

/// Steps between rounds of agreement: how long a Ctrl-C may take, against messages.
constexpr std::uint64_t kRoundEvery = 4, kLateRoundEvery = 20;

bool due(std::uint64_t steps, std::uint64_t every) { return every > 0 && steps % every == 0; }

/// As BatchSampler counts them; 0 where there are no examples.
std::uint64_t steps_per_epoch(const Experiment& experiment, std::uint64_t examples) {
  const std::uint64_t batch = batch_of(experiment.method);
  if (examples == 0) return 0;
  return batch == 0 ? 1 : std::max<std::uint64_t>(1, examples / batch);
}

std::uint64_t peak_rss_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

/// Where a checkpoint has the i-th exchange.
std::string exchange_scope(std::size_t i) {
  return i == 0 ? "exchange" : fmt::format("exchange-{}", i);
}

ByteCount sum(ByteCount a, const ByteCount& b) { return a += b; }

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What must be the same on every rank before the first step, and what to say where it is not.
struct Start {
  std::uint64_t config_hash, steps, parameters;
  bool resume;

  std::optional<std::string> difference(const Start& other) const {
    if (config_hash != other.config_hash)
      return fmt::format(
          "runs another experiment (its configuration has hash {:016x}, not {:016x})",
          other.config_hash, config_hash);
    if (steps != other.steps)
      return fmt::format("has data for {} steps, not {}", other.steps, steps);
    if (parameters != other.parameters)
      return fmt::format("has {} parameters, not {}", other.parameters, parameters);
    if (resume != other.resume)
      return fmt::format("was {} --resume", other.resume ? "given" : "not given");
    return std::nullopt;
  }
};

/// A rank's part of the summary.
struct RankResult {
  RunState state;
  std::uint64_t hash, peak_rss_bytes;
};

/// Mean over ranks of what `field` gives.
template <typename Values, typename Field>
double mean(const Values& values, Field field) {
  double total = 0;
  for (const auto& value : values) total += static_cast<double>(field(value));
  return total / static_cast<double>(values.size());
}

class Trainer {
 public:
  explicit Trainer(const Run& run);

  Summary run();
  void fail(std::string_view why) noexcept;

 private:
  void compare_starts();
  std::optional<Summary> finished_before();
  void resume();
  void open_reports();
  void watch_feedback();
  void drain();
  void step();
  void note(std::uint64_t index, double began);
  void between_steps();
  void hear(const Agreement::News& news);
  void score();
  void save();
  [[noreturn]] void interrupt();
  Summary conclude(RunStatus status);
  Summary own_summary(RunStatus status) const;

  std::string exchange() const;  // for people
  bool is_root() const { return run_.transport.rank() == 0; }
  bool is_round() const;
  RunState state() const;
  Digest digest() const;
  std::filesystem::path summary_path() const { return run_.out / "summary.json"; }

  const Run& run_;
  const Experiment& experiment_;
  const std::uint64_t total_, epoch_, score_every_;
  Agreement agreement_;
  Checkpoints checkpoints_;

  RunState state_;     // as it is, but for clock and bytes since this start
  RunState at_start_;  // as it was when this start began
  Stopwatch clock_;
  bool running_ = false;  // what stands in the folder is this run's to replace
  bool stop_ = false;     // all ranks know that all end here
  bool look_ = false;     // all ranks know that links are to be measured again

  double dense_step_seconds_ = kUnknown;  // as report.links asks
  std::optional<Trace> trace_;
  std::optional<TracedOracle> traced_;
  std::optional<AutoPilot> auto_;   // where the exchange is automatic
  std::optional<Reports> reports_;  // of rank 0
};

Trainer::Trainer(const Run& run)
    : run_(run),
      experiment_(run.experiment),
      total_(total_steps(run.experiment, run.oracle.examples())),
      epoch_(steps_per_epoch(run.experiment, run.oracle.examples())),
      score_every_(experiment_.report.score_every > 0 ? experiment_.report.score_every : epoch_),
      agreement_(run.transport),
      checkpoints_(run.out / "checkpoints", experiment_.hash, experiment_.checkpoint.keep,
                   run.transport, run.log) {
  if (run.automatic != nullptr) auto_.emplace(run);
}

// --------------------------------------------------------------------------------------- beginning

void Trainer::compare_starts() {
  const Start mine{experiment_.hash, total_, run_.method.parameters().size(), run_.resume};
  const auto all = allgather_values(run_.transport, mine, channels::control);
  for (std::size_t rank = 1; rank < all.size(); ++rank)
    if (const auto difference = all[0].difference(all[rank]))
      throw ConfigError(fmt::format("rank {}", rank), *difference + ", as rank 0");
}

/// The summary of a run that is done; ranks learn of it from rank 0, which alone has the file.
std::optional<Summary> Trainer::finished_before() {
  std::string json;
  if (is_root() && std::filesystem::exists(summary_path())) {
    const Summary found = read_summary(summary_path());
    if (found.status == RunStatus::done && found.config_xxh3 == experiment_.hash &&
        found.ranks == run_.transport.size())
      json = to_json(found);
  }
  json = text_of(
      broadcast(run_.transport, std::as_bytes(std::span<const char>(json)), channels::control));
  if (json.empty()) return std::nullopt;
  Summary summary = parse_summary(json, summary_path());
  summary.steps_executed = 0;
  if (is_root()) run_.log->warn("nothing to resume: the run is done, all {} steps of it", total_);
  return summary;
}

void Trainer::resume() {
  const auto checkpoint = checkpoints_.load_newest();
  if (!checkpoint) {
    if (is_root()) run_.log->warn("no checkpoint to resume from: starting at the beginning");
    return;
  }
  StateReader reader(checkpoint->blob, checkpoint->file.string());
  const auto load = [&](const char* name, auto& part) {
    StateReader::Scope scope(reader, name);
    part.load(reader);
  };
  load("run", state_);
  load("method", run_.method);
  for (std::size_t i = 0; i < run_.exchanges.size(); ++i)
    load(exchange_scope(i).c_str(), *run_.exchanges[i]);
  load("oracle", run_.oracle);
  run_.log->info("resumed from {}: {} of {} steps are done", checkpoint->file.string(),
                 state_.steps, total_);
}

void Trainer::open_reports() {
  if (!is_root()) return;
  std::filesystem::remove(summary_path());
  reports_.emplace(run_, state_.steps, total_, state_.seconds);
  watch_feedback();
}

void Trainer::watch_feedback() {
  if (reports_) reports_->watch_feedback(auto_ ? auto_->in_use() : experiment_.exchange);
}

Summary Trainer::run() {
  for (const auto& warning : experiment_.warnings)
    if (is_root()) run_.log->warn("{}", warning);
  compare_starts();
  if (run_.resume) {
    if (auto summary = finished_before()) return *summary;
    resume();
  }
  if (auto_) {
    auto_->take_up(state_.steps);
  } else if (experiment_.report.links) {
    const LinkModel links = measure_links(run_.transport, kLinkSeconds);
    run_.log->info("{}", describe(links));
    dense_step_seconds_ = measure_dense_step(
        experiment_.exchange, run_.oracle, run_.method.parameters(),
        {.draw = 0, .size = batch_of(experiment_.method)}, run_.transport, links);
  }
  if (!run_.trace.empty()) traced_.emplace(run_.oracle, trace_.emplace(run_.transport));
  at_start_ = state_;
  clock_.restart();
  open_reports();
  running_ = true;
  run_.log->info("{}, {} parameters, {} on {} ranks, steps {} to {}",
                 problem_name(experiment_.problem), run_.method.parameters().size(), exchange(),
                 run_.transport.size(), state_.steps, total_);
  if (const std::string settings = run_.method.settings(); !settings.empty())
    run_.log->info("{}: {}", method_name(experiment_.method), settings);
  while (state_.steps < total_) {
    if (auto_ && auto_->follow(state_.steps)) watch_feedback();
    step();
    between_steps();
  }
  return conclude(RunStatus::done);
}

std::string Trainer::exchange() const {
  return auto_ ? auto_->name() : exchange_name(experiment_.exchange);
}

// ------------------------------------------------------------------------------------------ a step

/// Where tests of failure strike.
void strike(const Experiment& experiment, int rank, std::uint64_t step) {
  const auto here = [&](const auto& point) {
    return point && point->rank == rank && point->step == step;
  };
  if (here(experiment.kill_at)) ::raise(SIGKILL);
  if (here(experiment.throw_at))
    throw Error(ExitStatus::other, fmt::format("step {}: debug.throw_at", step));
}

void Trainer::step() {
  const std::uint64_t index = state_.steps;
  strike(experiment_, run_.transport.rank(), index);
  const Step step{index, make_key(experiment_.seed, kEveryRank, index, RngPurpose::compress), {}};
  if (traced_) traced_->set_step(index);
  const double began = now();
  const Report report =
      run_.method.step(traced_ ? static_cast<Oracle&>(*traced_) : run_.oracle, step);
  if (traced_) note(index, began);
  if (report.loss) {
    if (!std::isfinite(*report.loss))
      throw NumericError(
          fmt::format("step {}: the loss is {}; a lower rate may help", index, *report.loss));
    state_.loss_sum += *report.loss;
    ++state_.losses;
  }
  ++state_.steps;
  state_.compute += report.compute;
  state_.compress += report.compress;
  state_.wait += report.wait;
  state_.decode += report.decode;
  state_.apply += report.apply;
  state_.hidden += report.hidden;
}

/// Nothing of it changes what a run does.
void Trainer::note(std::uint64_t index, double began) {
  trace_->step(index, began, now());
  for (Exchange* exchange : run_.exchanges) trace_->exchange(index, exchange->take_spans());
  if (index + 1 >= at_start_.steps + Trace::kSteps) traced_.reset();
}

/// Whoever uses the transport between steps has it alone.
void Trainer::drain() {
  for (Exchange* exchange : run_.exchanges) exchange->drain();
}

/// An average that comes late is drained for a round, and has nothing to hide behind then.
bool Trainer::is_round() const {
  return state_.steps == total_ ||
         due(state_.steps, experiment_.exchange.late ? kLateRoundEvery : kRoundEvery) ||
         due(state_.steps, experiment_.report.every) ||
         due(state_.steps, experiment_.report.verify_every);
}

/// Everything beside the steps. Scores and checkpoints are collective on the control channel too,
/// so that rounds of agreement end before them; scores come first, to be in the checkpoint.
void Trainer::between_steps() {
  const bool last = state_.steps == total_;
  const bool scores = last || due(state_.steps, score_every_);
  const bool saves =
      experiment_.checkpoint.every > 0 && (last || due(state_.steps, experiment_.checkpoint.every));
  if (is_round() || scores || saves || stop_) drain();
  if (is_round()) hear(agreement_.next(digest()));
  if (scores || saves || stop_) hear(agreement_.drain());
  if (scores) score();
  if (saves || stop_) save();
  if (stop_ && !last) interrupt();
  if (look_ && !last) {
    hear(agreement_.drain());
    look_ = false;
    drain();
    auto_->decide(state_.steps);
    watch_feedback();
  }
}

RunState Trainer::state() const {
  RunState now = state_;
  now.seconds = at_start_.seconds + clock_.seconds();
  now.sent = sum(at_start_.sent, run_.ledger.sent);
  now.received = sum(at_start_.received, run_.ledger.received);
  return now;
}

// --------------------------------------------------------------------------------------- reporting

Digest Trainer::digest() const {
  const RunState now = state();
  const bool hashed = due(now.steps, experiment_.report.verify_every);
  const FeedbackNorms norms = run_.exchanges.front()->feedback_norms();
  return {.step = now.steps,
          .hash = hashed ? hash_of(run_.method.parameters()) : 0,
          .hashed = hashed,
          .stop = run_.stop.load(std::memory_order_relaxed),
          .look = auto_ && auto_->asks(),
          .loss_sum = now.loss_sum - at_start_.loss_sum,
          .losses = now.losses - at_start_.losses,
          .seconds = now.seconds,
          .compute = now.compute - at_start_.compute,
          .compress = now.compress - at_start_.compress,
          .wait = now.wait - at_start_.wait,
          .decode = now.decode - at_start_.decode,
          .apply = now.apply - at_start_.apply,
          .hidden = now.hidden - at_start_.hidden,
          .residual_square = norms.residual_square,
          .gradient_square = norms.gradient_square,
          .bytes_sent = now.sent.total(),
          .bytes_received = now.received.total()};
}

void Trainer::hear(const Agreement::News& news) {
  stop_ |= news.stop;
  look_ |= news.look;
  for (const auto& digests : news.digests) {
    if (auto_) auto_->hear(digests);
    reports_->hear(digests);
  }
}

/// "loss 0.25, gap 1e-06": what is known.
std::string describe(const Scores& scores) {
  std::string text;
  const auto say = [&](const char* name, double value) {
    if (!std::isnan(value))
      text += fmt::format("{}{} {:.6g}", text.empty() ? "" : ", ", name, value);
  };
  say("loss", scores.loss);
  say("accuracy", scores.accuracy);
  say("gap", scores.gap);
  say("distance", scores.distance);
  say("robust loss", scores.robust_loss);
  return text;
}

void Trainer::score() {
  const Scores scores = score_over_ranks(run_.oracle, run_.method.parameters(), run_.transport);
  state_.last_scores = scores;
  state_.best_accuracy = std::fmax(state_.best_accuracy, scores.accuracy);
  run_.log->info("after {} steps: {}", state_.steps, describe(scores));
  if (reports_) reports_->score(state_.steps, scores);
}

// ------------------------------------------------------------------------------------------ ending

void Trainer::save() {
  StateWriter writer;
  const auto save = [&](const char* name, const auto& part) {
    StateWriter::Scope scope(writer, name);
    part.save(writer);
  };
  save("run", state());
  save("method", run_.method);
  for (std::size_t i = 0; i < run_.exchanges.size(); ++i)
    save(exchange_scope(i).c_str(), *run_.exchanges[i]);
  save("oracle", run_.oracle);
  checkpoints_.save(state_.steps, writer.blob());
  run_.log->info("checkpoint after {} steps", state_.steps);
}

void Trainer::interrupt() {
  conclude(RunStatus::interrupted);
  running_ = false;
  barrier(run_.transport, channels::control);  // whoever ends the job now spoils nothing
  throw Interrupted(
      fmt::format("interrupted after {} of {} steps, which a checkpoint holds; "
                  "--resume --out {} goes on",
                  state_.steps, total_, run_.out.string()));
}

Summary Trainer::own_summary(RunStatus status) const {
  const RunState now = state();
  const auto n = static_cast<double>(run_.method.parameters().size());
  const double ranks = run_.transport.size();
  Summary s;
  s.status = status;
  s.name = experiment_.name;
  s.method = method_name(experiment_.method);
  s.exchange = exchange();
  s.problem = problem_name(experiment_.problem);
  s.ranks = run_.transport.size();
  s.steps = now.steps;
  s.steps_executed = now.steps - at_start_.steps;
  s.seconds = now.seconds;
  s.compute_seconds = now.compute;
  s.exchange_seconds = now.compress + now.wait + now.decode;
  s.compress_seconds = now.compress;
  s.wait_seconds = now.wait;
  s.decode_seconds = now.decode;
  s.apply_seconds = now.apply;
  s.hidden_seconds = now.hidden;
  const double dense = auto_ ? auto_->dense_step_seconds() : dense_step_seconds_;
  s.dense_seconds = dense * static_cast<double>(now.steps);
  s.final_loss = now.last_scores.loss;
  s.test_accuracy = now.last_scores.accuracy;
  s.best_test_accuracy = now.best_accuracy;
  s.gap = now.last_scores.gap;
  s.distance = now.last_scores.distance;
  s.robust_loss = now.last_scores.robust_loss;
  s.bytes_sent_per_rank = now.sent;
  s.bytes_sent_busiest_rank = now.sent.total();
  s.bytes_received_per_rank = now.received.total();
  s.dense_bytes_per_rank = static_cast<std::uint64_t>(
      std::llround(static_cast<double>(now.steps) * run_.method.averages_per_step() * 2 *
                   (ranks - 1) / ranks * sizeof(float) * n));
  s.parameters_xxh3 = hash_of(run_.method.parameters());
  s.parameters_xxh3_by_rank = {s.parameters_xxh3};
  s.config_xxh3 = experiment_.hash;
  s.peak_rss_bytes = peak_rss_bytes();
  s.version = LACONIC_VERSION;
  return s;
}

Summary Trainer::conclude(RunStatus status) {
  drain();
  if (trace_) trace_->write(run_.trace);
  Summary summary = own_summary(status);
  const auto shares = allgather_values(
      run_.transport, RankResult{state(), summary.parameters_xxh3, summary.peak_rss_bytes},
      channels::control);
  const auto bytes = [&](std::uint64_t ByteCount::*field) {
    return static_cast<std::uint64_t>(
        std::llround(mean(shares, [&](const RankResult& s) { return s.state.sent.*field; })));
  };
  summary.seconds = mean(shares, [](const RankResult& s) { return s.state.seconds; });
  summary.compute_seconds = mean(shares, [](const RankResult& s) { return s.state.compute; });
  const auto seconds = [&](double RunState::*field) {
    return mean(shares, [&](const RankResult& s) { return s.state.*field; });
  };
  summary.compress_seconds = seconds(&RunState::compress);
  summary.wait_seconds = seconds(&RunState::wait);
  summary.decode_seconds = seconds(&RunState::decode);
  summary.apply_seconds = seconds(&RunState::apply);
  summary.hidden_seconds = seconds(&RunState::hidden);
  summary.exchange_seconds =
      summary.compress_seconds + summary.wait_seconds + summary.decode_seconds;
  summary.bytes_sent_per_rank = {bytes(&ByteCount::values), bytes(&ByteCount::indices),
                                 bytes(&ByteCount::framing), bytes(&ByteCount::dense),
                                 bytes(&ByteCount::control)};
  summary.bytes_received_per_rank = static_cast<std::uint64_t>(
      std::llround(mean(shares, [](const RankResult& s) { return s.state.received.total(); })));
  summary.parameters_xxh3_by_rank.clear();
  for (const RankResult& s : shares) {
    summary.bytes_sent_busiest_rank =
        std::max(summary.bytes_sent_busiest_rank, s.state.sent.total());
    summary.peak_rss_bytes = std::max(summary.peak_rss_bytes, s.peak_rss_bytes);
    summary.parameters_xxh3_by_rank.push_back(s.hash);
  }
  summary.parameters_xxh3 = shares[0].hash;
  if (const auto divergence = describe_divergence(summary.parameters_xxh3_by_rank, summary.steps))
    throw Error(ExitStatus::other, *divergence);
  if (reports_) reports_->finish();
  if (is_root()) write_summary(summary_path(), summary);
  run_.log->info("{}: {} steps, {} of them since this start", name_of(status), summary.steps,
                 summary.steps_executed);
  for (const std::string& line : verdict(summary)) run_.log->info("{}", line);
  return summary;
}

/// Rank 0 leaves word of a failure where it is alive to do so, with what it knows by itself.
void Trainer::fail(std::string_view why) noexcept {
  try {
    if (reports_) reports_->finish();
    run_.log->info("failed after {} steps: {}", state_.steps, why);
    run_.log->flush();
    if (running_ && is_root()) write_summary(summary_path(), own_summary(RunStatus::failed));
  } catch (const std::exception& e) {
    run_.log->warn("the summary could not be written: {}", e.what());
  }
}

}  // namespace

std::uint32_t batch_of(const MethodOptions& method) {
  return std::visit([](const auto& options) { return options.batch; }, method);
}

std::uint64_t total_steps(const Experiment& experiment, std::uint64_t examples) {
  if (experiment.steps) return *experiment.steps;
  const auto epoch = static_cast<double>(steps_per_epoch(experiment, examples));
  const double steps = std::ceil(experiment.epochs * epoch);
  if (steps < 1) throw ConfigError("steps", "required: there are no examples to count epochs by");
  return static_cast<std::uint64_t>(steps);
}

Summary train(const Run& run) {
  std::optional<Trainer> trainer;  // lives until the group is aborted: messages borrow its memory
  try {
    return trainer.emplace(run).run();
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& e) {
    if (trainer) trainer->fail(e.what());
    run.transport.abort(e.what(), status_of(e));
    for (Exchange* exchange : run.exchanges) exchange->abandon();  // borrows the method's memory
    throw;
  }
}

}  // namespace laconic
