#include "base/errors.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace laconic {
namespace {

std::string joined(std::string_view a, std::string_view b) {
  return std::string(a) + ": " + std::string(b);
}

std::string peer_name(int peer) { return peer < 0 ? "" : "rank " + std::to_string(peer) + ": "; }

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replace = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replace, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

ExitStatus status_of(const std::exception& error) noexcept {
  const auto* known = dynamic_cast<const Error*>(&error);
  return known ? known->status() : ExitStatus::other;
}

ConfigError::ConfigError(std::string_view field, std::string_view expected)
    : Error(ExitStatus::usage, joined(field, expected)) {}

DataError::DataError(std::string_view file, std::string_view what)
    : Error(ExitStatus::data, joined(file, what)) {}

DataError::DataError(std::string_view file, std::size_t line, std::string_view what)
    : Error(ExitStatus::data, joined(std::string(file) + ":" + std::to_string(line), what)) {}

WireError::WireError(std::size_t offset, std::string_view what)
    : Error(ExitStatus::network,
            "malformed frame at byte " + std::to_string(offset) + ": " + std::string(what)),
      offset_(offset) {}

TransportError::TransportError(int peer, std::string_view operation, std::string_view what)
    : Error(ExitStatus::network, peer_name(peer) + joined(operation, what)), peer_(peer) {}

NumericError::NumericError(std::string_view what) : Error(ExitStatus::other, std::string(what)) {}

Interrupted::Interrupted(std::string_view what)
    : Error(ExitStatus::interrupted, std::string(what)) {}

std::string nearest_name(std::string_view name, std::span<const std::string> known) {
  const auto best = std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
    return edit_distance(name, a) < edit_distance(name, b);
  });
  if (best == known.end() || edit_distance(name, *best) > std::max<std::size_t>(2, name.size() / 3))
    return {};
  return *best;
}

}  // namespace laconic
