#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "collectives/legs.h"
#include "methods/oracle.h"
#include "methods/update_rule.h"

/// What a method is made for, and what theory makes of it.
namespace laconic {

struct Setting {
  const Oracle& oracle;  ///< Asked for its constants where theory is to give a value.
  Legs legs;             ///< Of the exchange that the method is given.
  int ranks = 1;
  int rank = 0;
  std::uint64_t steps = 0;  ///< Of the whole run: what rates that fall are stretched over.
};

/// Values of a method that were given (above 0) or are left to theory (0).
class Settled {
 public:
  /// `given`, or what theory says. Kept for text().
  double operator()(const char* name, double given, const std::function<double()>& theory);

  /// "rate 0.0123 (by theory), sync_probability 0.1 (as given)": for the log.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// L, L~ and mu, where all are known and mu is above 0 if `strongly`. Else throws ConfigError: the
/// rate has to be given.
Constants known_constants(const Setting& setting, bool strongly);

/// For methods whose exchange has to be exact, with an error-free average on both legs, for their
/// theory to hold: throws ConfigError, the rate has to be given, where it is not.
void require_exact(const Setting& setting);

/// Throws ConfigError, the rate has to be given, for any rule but plain SGD, or where rates fall.
void require_plain(const UpdateRuleOptions& rule, double rate_floor);

/// `count` of the ranks for a step, drawn at random from the key that all share, ascending. Empty,
/// which stands for everyone, where count is 0 or all.
std::vector<int> draw_participants(const RngKey& key, int count, int ranks);

/// Is `rank` among them?
bool takes_part(const std::vector<int>& participants, int rank);

}  // namespace laconic
