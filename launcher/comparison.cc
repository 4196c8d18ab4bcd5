#include "launcher/comparison.h"

#include <fmt/core.h>

#include <cmath>

namespace laconic {
namespace {

std::string bytes_against(const Summary& run, const Summary& base) {
  const auto mine = static_cast<double>(run.bytes_sent_per_rank.total());
  const auto theirs = static_cast<double>(base.bytes_sent_per_rank.total());
  if (mine == 0 || theirs == 0) return "sent nothing to compare";
  const double times = theirs / mine;
  if (times >= 0.995 && times < 1.005) return "sent as many bytes";
  return times > 1 ? fmt::format("sent {:.1f} times fewer bytes", times)
                   : fmt::format("sent {:.1f} times more bytes", 1 / times);
}

std::string score_against(const Summary& run, const Summary& base) {
  if (std::isfinite(run.test_accuracy) && std::isfinite(base.test_accuracy)) {
    const double points = 100 * (run.test_accuracy - base.test_accuracy);
    if (std::abs(points) < 0.05) return "was as accurate";
    return fmt::format("was {:.1f} points {} accurate", std::abs(points),
                       points < 0 ? "less" : "more");
  }
  return fmt::format("ended at a loss of {:.4g} against {:.4g}", run.final_loss, base.final_loss);
}

std::string time_against(const Summary& run, const Summary& base) {
  return fmt::format("took {:.2f} times as long", run.seconds / base.seconds);
}

}  // namespace

std::string plain_reading(std::span<const Summary> runs) {
  std::string text;
  for (std::size_t i = 1; i < runs.size(); ++i)
    text += fmt::format("Against {}, {} {}, {}, and {} on these links.\n", runs[0].name,
                        runs[i].name, bytes_against(runs[i], runs[0]),
                        score_against(runs[i], runs[0]), time_against(runs[i], runs[0]));
  return text;
}

}  // namespace laconic
