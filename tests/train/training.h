#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "problems/quadratic.h"
#include "tests/train/ranks.h"
#include "train/config.h"
#include "train/loop.h"

/// Whole runs on the quadratic problem, with ranks as threads.
namespace laconic::test {

/// Calls `hook(rank, draw)` before each gradient.
class Watched final : public Oracle {
 public:
  using Hook = std::function<void(int rank, std::uint64_t draw)>;

  Watched(std::unique_ptr<Oracle> inner, int rank, const Hook& hook)
      : inner_(std::move(inner)), rank_(rank), hook_(hook) {}

  const Layout& layout() const override { return inner_->layout(); }
  void initialize(RngKey key, MutFloats x) const override { inner_->initialize(key, x); }
  std::uint64_t examples() const override { return inner_->examples(); }
  double evaluate(Floats at, const Sample& sample, MutFloats out, const ReadyFn& ready) override {
    if (hook_) hook_(rank_, sample.draw);
    return inner_->evaluate(at, sample, out, ready);
  }
  Scores score(Floats at, Share share) const override { return inner_->score(at, share); }

 private:
  std::unique_ptr<Oracle> inner_;
  int rank_;
  const Hook& hook_;
};

struct Training {
  explicit Training(Experiment e) : experiment(std::move(e)) {}

  Experiment experiment;
  int ranks = 3;
  bool own_folders = false;  ///< Ranks have disks of their own.
  InProcessOptions link;
  Watched::Hook hook;
  std::function<std::unique_ptr<Method>(std::unique_ptr<Method>, int rank)> wrap_method;
  std::atomic<bool> stop = false;

  /// A rank's end: a summary or what was thrown.
  struct End {
    std::optional<Summary> summary;
    std::exception_ptr thrown;
  };

  std::filesystem::path folder_of(const std::filesystem::path& out, int rank) const {
    return own_folders ? out / ("host-" + std::to_string(rank)) : out;
  }

  std::vector<End> run(const std::filesystem::path& out, bool resume = false) {
    std::vector<End> ends(static_cast<std::size_t>(ranks));
    const auto thrown = outcomes(ranks, link, [&](Transport& t) {
      ends[static_cast<std::size_t>(t.rank())].summary =
          run_rank(t, folder_of(out, t.rank()), resume);
    });
    for (std::size_t r = 0; r < ends.size(); ++r) ends[r].thrown = thrown[r];
    return ends;
  }

  /// Of a run that is expected to end well; rank 0's.
  Summary finish(const std::filesystem::path& out, bool resume = false) {
    const auto ends = run(out, resume);
    for (const End& end : ends)
      if (end.thrown) std::rethrow_exception(end.thrown);
    return *ends[0].summary;
  }

  Summary run_rank(Transport& transport, const std::filesystem::path& folder, bool resume) {
    std::filesystem::create_directories(folder);
    Ledger ledger;
    const auto counted = count_bytes(transport, ledger);
    Watched oracle(make_quadratic(std::get<QuadraticOptions>(experiment.problem), experiment.seed,
                                  transport.rank(), transport.size()),
                   transport.rank(), hook);
    AutoExchange* automatic = nullptr;
    std::unique_ptr<Exchange> exchange;
    if (experiment.automatic) {
      auto chosen =
          std::make_unique<AutoExchange>(experiment.automatic->allowed, *counted, oracle.layout());
      automatic = chosen.get();
      exchange = std::move(chosen);
    } else {
      exchange = make_exchange(experiment.exchange, *counted, oracle.layout());
    }
    std::vector<float> start(flat_size(oracle.layout()));
    oracle.initialize({}, start);
    auto options = std::get<SyncSgdOptions>(experiment.method);
    options.steps = total_steps(experiment, oracle.examples());
    auto method = make_sync_sgd(options, *exchange, std::move(start));
    if (wrap_method) method = wrap_method(std::move(method), transport.rank());
    return train({.experiment = experiment,
                  .out = folder,
                  .resume = resume,
                  .transport = *counted,
                  .ledger = ledger,
                  .oracle = oracle,
                  .method = *method,
                  .exchanges = {exchange.get()},
                  .automatic = automatic,
                  .log = quiet_log(),
                  .stop = stop});
  }
};

}  // namespace laconic::test
