#include "train/reports.h"

#include <cmath>
#include <cstdio>

#include "base/clock.h"
#include "collectives/legs.h"

namespace laconic {
namespace {

/// The norm of all ranks' residuals over that of their gradients.
double kept_back(const std::vector<Digest>& digests) {
  double residual = 0, gradient = 0;
  for (const Digest& d : digests) residual += d.residual_square, gradient += d.gradient_square;
  return gradient > 0 ? std::sqrt(residual / gradient) : kUnknown;
}

}  // namespace

Reports::Reports(const Run& run, std::uint64_t steps, std::uint64_t total, double seconds)
    : run_(run),
      total_(total),
      metrics_(run.out / "metrics.jsonl", steps),
      board_(run.out / "tensorboard", steps),
      reported_(static_cast<std::size_t>(run.transport.size()), Digest{.step = steps}) {
  reported_[0].seconds = seconds;
  if (run.progress) progress_.emplace(stderr, run.terminal, steps, total, now());
}

void Reports::watch_feedback(const ExchangeOptions& used) {
  health_.emplace(legs_of(used, run_.oracle.layout()).up.guarantee.alpha);
}

void Reports::hear(const std::vector<Digest>& digests) {
  const MetricsRow row = row_of(digests);
  if (progress_) progress_->update(row, now());
  if (row.step != total_ && row.step % run_.experiment.report.every != 0) return;
  report(row);
  reported_ = digests;
}

MetricsRow Reports::row_of(const std::vector<Digest>& digests) const {
  const auto steps = static_cast<double>(digests[0].step - reported_[0].step);
  const auto ranks = static_cast<double>(digests.size());
  const auto since = [&](auto Digest::*field) {
    double total = 0;
    for (std::size_t r = 0; r < digests.size(); ++r)
      total += static_cast<double>(digests[r].*field - reported_[r].*field);
    return total;
  };
  const auto per_step = [&](double Digest::*field) { return since(field) / (steps * ranks); };
  const auto bytes = [&](std::uint64_t Digest::*field) {
    double total = 0;
    for (const Digest& d : digests) total += static_cast<double>(d.*field);
    return static_cast<std::uint64_t>(total / ranks);
  };
  const auto examples = run_.oracle.examples();
  const auto batch = static_cast<double>(batch_of(run_.experiment.method));
  const double each = batch == 0 ? static_cast<double>(examples) : batch;
  return {.step = digests[0].step,
          .seconds = digests[0].seconds,
          .loss = since(&Digest::loss_sum) / since(&Digest::losses),
          .compute = per_step(&Digest::compute),
          .compress = per_step(&Digest::compress),
          .wait = per_step(&Digest::wait),
          .decode = per_step(&Digest::decode),
          .apply = per_step(&Digest::apply),
          .hidden = per_step(&Digest::hidden),
          .residual_over_gradient = kept_back(digests),
          .examples_per_second =
              examples == 0 ? kUnknown
                            : each * steps * ranks / (digests[0].seconds - reported_[0].seconds),
          .bytes_sent = bytes(&Digest::bytes_sent),
          .bytes_received = bytes(&Digest::bytes_received)};
}

void Reports::report(const MetricsRow& row) {
  metrics_.report(row);
  const std::pair<const char*, double> scalars[] = {
      {"train/loss", row.loss},
      {"train/examples_per_second", row.examples_per_second},
      {"seconds/compute", row.compute},
      {"seconds/compress", row.compress},
      {"seconds/wait", row.wait},
      {"seconds/decode", row.decode},
      {"seconds/apply", row.apply},
      {"seconds/hidden", row.hidden},
      {"health/residual_over_gradient", row.residual_over_gradient},
      {"bytes/sent", static_cast<double>(row.bytes_sent)},
      {"bytes/received", static_cast<double>(row.bytes_received)}};
  for (const auto& [name, value] : scalars) board_.scalar(name, row.step, value);
  board_.flush();
  if (!health_) return;
  if (const auto advice = health_->hear(row.step, row.residual_over_gradient))
    run_.log->warn("{}", *advice);
}

void Reports::score(std::uint64_t step, const Scores& scores) {
  metrics_.score(step, scores);
  board_.scalar("score/loss", step, scores.loss);
  board_.scalar("score/accuracy", step, scores.accuracy);
  board_.scalar("score/gap", step, scores.gap);
  board_.scalar("score/distance", step, scores.distance);
  board_.scalar("score/robust_loss", step, scores.robust_loss);
  board_.flush();
}

void Reports::finish() {
  if (progress_) progress_->finish();
}

}  // namespace laconic
