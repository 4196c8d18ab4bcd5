#include "train/progress.h"

#include <fmt/core.h>

#include <cmath>

#include "train/units.h"

namespace laconic {
namespace {

constexpr double kSecondsOnTerminal = 0.1, kSecondsElsewhere = 10;

}  // namespace

Progress::Progress(std::FILE* out, bool terminal, std::uint64_t step, std::uint64_t total,
                   double now)
    : out_(out), terminal_(terminal), first_step_(step), total_(total), start_(now), shown_(now) {}

std::string Progress::line(const MetricsRow& row, double now) const {
  std::string text = fmt::format("step {}/{}  loss {:.4f}", row.step, total_, row.loss);
  if (!std::isnan(row.examples_per_second))
    text += fmt::format("  {:.0f} examples/s", row.examples_per_second);
  text += fmt::format("  {} sent", bytes_text(static_cast<double>(row.bytes_sent)));
  if (row.step > first_step_)
    text += fmt::format("  {} left",
                        duration_text((now - start_) * static_cast<double>(total_ - row.step) /
                                      static_cast<double>(row.step - first_step_)));
  return text;
}

void Progress::update(const MetricsRow& row, double now) {
  if (now - shown_ < (terminal_ ? kSecondsOnTerminal : kSecondsElsewhere)) return;
  shown_ = now;
  // ESC [K clears what a longer line before this one left.
  std::fprintf(out_, terminal_ ? "\r%s\x1b[K" : "%s\n", line(row, now).c_str());
  std::fflush(out_);
  open_ = terminal_;
}

void Progress::finish() {
  if (open_) std::fputc('\n', out_);
  open_ = false;
  std::fflush(out_);
}

}  // namespace laconic
