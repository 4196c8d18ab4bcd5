#include "train/table.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "train/units.h"

namespace laconic {
namespace {

/// A header and a cell for each run; empty where a run has nothing to say.
struct Column {
  std::string header;
  bool left = false;
  std::vector<std::string> cells;

  bool says_something() const {
    return std::any_of(cells.begin(), cells.end(), [](auto& cell) { return !cell.empty(); });
  }
  std::size_t width() const {
    std::size_t most = header.size();
    for (const auto& cell : cells) most = std::max(most, cell.size());
    return most;
  }
};

using Cell = std::function<std::string(const Summary&)>;

std::string bytes_cell(std::uint64_t bytes) {
  return bytes == 0 ? "" : bytes_text(static_cast<double>(bytes));
}

std::string unless_unknown(double value, double scale, const char* format) {
  return std::isnan(value) ? "" : fmt::format(fmt::runtime(format), scale * value);
}

Cell bytes_of(std::uint64_t ByteCount::*purpose) {
  return [=](const Summary& s) { return bytes_cell(s.bytes_sent_per_rank.*purpose); };
}

std::string times_fewer(const Summary& s) {
  const auto sent = static_cast<double>(s.bytes_sent_per_rank.total());
  return sent == 0 ? ""
                   : fmt::format("{:.1f}x", static_cast<double>(s.dense_bytes_per_rank) / sent);
}

std::string line(const std::vector<Column>& columns,
                 const std::function<std::string(const Column&)>& cell) {
  std::string text;
  for (const Column& c : columns) {
    if (!text.empty()) text += "  ";
    text += c.left ? fmt::format("{:<{}}", cell(c), c.width())
                   : fmt::format("{:>{}}", cell(c), c.width());
  }
  return text + "\n";
}

}  // namespace

std::string results_table(std::span<const Summary> runs) {
  std::vector<Column> columns;
  const auto add = [&](const char* header, bool left, const Cell& cell) {
    Column column{header, left, {}};
    for (const Summary& run : runs) column.cells.push_back(cell(run));
    if (column.says_something()) columns.push_back(std::move(column));
  };
  add("run", true, [](auto& s) { return s.name; });
  add("exchange", true, [](auto& s) { return s.exchange; });
  add("accuracy", false, [](auto& s) { return unless_unknown(s.test_accuracy, 100, "{:.2f} %"); });
  add("loss", false, [](auto& s) { return unless_unknown(s.final_loss, 1, "{:.4g}"); });
  add("robust loss", false, [](auto& s) { return unless_unknown(s.robust_loss, 1, "{:.4g}"); });
  add("gap", false, [](auto& s) { return unless_unknown(s.gap, 1, "{:.2e}"); });
  add("values", false, bytes_of(&ByteCount::values));
  add("indices", false, bytes_of(&ByteCount::indices));
  add("framing", false, bytes_of(&ByteCount::framing));
  add("dense", false, bytes_of(&ByteCount::dense));
  add("control", false, bytes_of(&ByteCount::control));
  add("sent per rank", false, [](auto& s) { return bytes_cell(s.bytes_sent_per_rank.total()); });
  add("fewer than ring", false, times_fewer);
  add("time", false, [](auto& s) { return duration_text(s.seconds); });

  std::string text = line(columns, [](const Column& c) { return c.header; });
  text += std::string(text.size() - 1, '-') + "\n";
  for (std::size_t row = 0; row < runs.size(); ++row)
    text += line(columns, [row](const Column& c) { return c.cells[row]; });
  return text;
}

}  // namespace laconic
