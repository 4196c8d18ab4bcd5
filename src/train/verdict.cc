#include "train/verdict.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "train/units.h"

namespace laconic {
namespace {

constexpr double kBounds = 0.1;  // of a step: what is less is not worth an effort

std::string milliseconds(double seconds) { return fmt::format("{:.3g} ms", seconds * 1e3); }

bool is_kind(const Summary& s, const std::string& kind) {
  return s.exchange.starts_with(kind) || s.exchange.starts_with("auto: " + kind);
}

/// By the exchange, without what ranks agreed on.
double bytes_exchanged(const Summary& s) {
  return static_cast<double>(s.bytes_sent_per_rank.total() - s.bytes_sent_per_rank.control);
}

std::string saved(const Summary& s, double steps) {
  const double sent = bytes_exchanged(s);
  const auto dense = static_cast<double>(s.dense_bytes_per_rank);
  return fmt::format(
      "saved: a rank sent {} where a dense ring sends {}, {:.1f} times fewer; cost: {} a step to "
      "compress and {} to decode",
      bytes_text(sent), bytes_text(dense), dense / sent, milliseconds(s.compress_seconds / steps),
      milliseconds(s.decode_seconds / steps));
}

std::string against_dense(const Summary& s, double steps) {
  const double step = s.step_seconds() / steps, dense = s.dense_seconds / steps;
  return fmt::format(
      "on these links the best dense allreduce would make it {} a step, {:.2f} times the {} that "
      "it "
      "was",
      milliseconds(dense), dense / step, milliseconds(step));
}

/// The largest part of a step that is not computation, and what makes it smaller.
std::string bound(const Summary& s, double steps) {
  const double step = s.step_seconds() / steps;
  struct Part {
    const char* name;
    double seconds;
    const char* help;
  };
  const bool dense = is_kind(s, "dense");
  const Part parts[] = {
      {"waiting for others", s.wait_seconds / steps,
       dense
           ? "compression (exchange { auto {} } finds out whether it pays), or smaller buckets for "
             "more overlap, would help"
           : "a lower density, fewer bits a value, exchange.owner in place of gather, smaller "
             "buckets for more overlap, or exchange.late would help"},
      {"compressing", s.compress_seconds / steps,
       "a cheaper compressor (block_top_k, stratified_rand_k) or smaller buckets for more overlap "
       "would help"},
      {"decoding", s.decode_seconds / steps,
       "exchange.owner, which decodes two frames' worth whatever the ranks, or a lower density "
       "would help"},
      {"the update rule", s.apply_seconds / steps, "nothing that an exchange does would help"}};
  const Part& most =
      *std::max_element(std::begin(parts), std::end(parts),
                        [](const Part& a, const Part& b) { return a.seconds < b.seconds; });
  const std::string hidden = s.hidden_seconds > 0
                                 ? fmt::format(" ({} of the exchange hidden behind it)",
                                               milliseconds(s.hidden_seconds / steps))
                                 : "";
  const std::string shares = fmt::format("{} a step: {:.0f} % computing{}", milliseconds(step),
                                         100 * s.compute_seconds / steps / step, hidden);
  if (most.seconds < kBounds * step)
    return shares + "; computation bounds it, and no exchange would make it much faster";
  return shares + fmt::format(", {:.0f} % {}, which bounds it beside the computation: {}",
                              100 * most.seconds / step, most.name, most.help);
}

}  // namespace

std::vector<std::string> verdict(const Summary& s) {
  std::vector<std::string> lines;
  if (s.steps == 0) return lines;
  const auto steps = static_cast<double>(s.steps);
  if (s.ranks > 1 && !is_kind(s, "dense") && bytes_exchanged(s) > 0)
    lines.push_back(saved(s, steps));
  if (s.ranks > 1 && std::isfinite(s.dense_seconds)) lines.push_back(against_dense(s, steps));
  if (s.step_seconds() > 0) lines.push_back(bound(s, steps));
  return lines;
}

}  // namespace laconic
