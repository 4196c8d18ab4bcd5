#include "methods/setting.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>

#include "base/errors.h"

namespace laconic {

double Settled::operator()(const char* name, double given, const std::function<double()>& theory) {
  const double value = given > 0 ? given : theory();
  text_ += fmt::format("{}{} {:.6g} ({})", text_.empty() ? "" : ", ", name, value,
                       given > 0 ? "as given" : "by theory");
  return value;
}

Constants known_constants(const Setting& setting, bool strongly) {
  const Constants constants = setting.oracle.constants();
  const double mu = constants.strong_convexity;
  if (!(constants.smoothness > 0 && constants.largest_smoothness > 0 && mu >= 0))
    throw ConfigError("method.rate", "required: the problem does not know its constants");
  if (strongly && !(mu > 0))
    throw ConfigError("method.rate",
                      "required: theory has one for strongly monotone problems alone");
  return constants;
}

void require_exact(const Setting& setting) {
  if (!setting.legs.up.exact() || !setting.legs.down.exact())
    throw ConfigError("method.rate",
                      "required: theory has none that makes this method exact when compressed");
}

void require_plain(const UpdateRuleOptions& rule, double rate_floor) {
  const auto* sgd = std::get_if<SgdOptions>(&rule);
  if (sgd == nullptr || sgd->momentum > 0 || sgd->weight_decay > 0)
    throw ConfigError("method.rate", "required: theory has one for plain steps alone");
  if (rate_floor < 1) throw ConfigError("method.rate", "required: theory has none that falls");
}

std::vector<int> draw_participants(const RngKey& key, int count, int ranks) {
  if (count == 0 || count == ranks) return {};
  const RngKey own = derive(key, static_cast<std::uint64_t>(RngPurpose::participants));
  std::vector<int> drawn(static_cast<std::size_t>(ranks));
  std::iota(drawn.begin(), drawn.end(), 0);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)  // Fisher and Yates
    std::swap(drawn[i], drawn[i + uniform_below(own, i, drawn.size() - i)]);
  drawn.resize(static_cast<std::size_t>(count));
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

bool takes_part(const std::vector<int>& participants, int rank) {
  return participants.empty() || std::binary_search(participants.begin(), participants.end(), rank);
}

}  // namespace laconic
