#pragma once

#include <cstdint>
#include <string>

#include "methods/update_rule.h"

/// What methods for variational inequalities and saddle points (saddle.h) are told. All move on
/// full batches where `batch` is 0. A rate of 0 is left to theory, which each file names; so is a
/// probability.
namespace laconic {

struct DescentAscentOptions {
  double rate = 0;
  std::uint32_t batch = 0;
  std::uint32_t participants = 0;  ///< Ranks that take part in a step, drawn anew; 0: all.
};

struct ExtragradientOptions {
  double rate = 0;
  std::uint32_t batch = 0;
  UpdateRuleOptions rule = SgdOptions{};  ///< With any other than plain SGD the rate is required.
  double rate_floor = 1;  ///< Falls by half a cosine to this times itself; below 1 it is required.
};

struct LocalExtragradientOptions {
  double rate = 0;
  std::uint32_t batch = 0;
  std::uint32_t local_steps = 4;  ///< Between two averages.
};

struct OptimisticGradientOptions {
  double rate = 0;
  std::uint32_t batch = 0;
};

struct DianaOptions {
  double rate = 0;
  double memory_rate = 0;  ///< How fast memories follow operators, at most 1.
  std::uint32_t batch = 0;
  std::uint32_t participants = 0;
};

/// Of MASHA1 and MASHA2 alike.
struct MashaOptions {
  double rate = 0;
  double sync_probability = 0;  ///< Of a dense synchronisation in a step: 1 - tau.
  std::uint32_t batch = 0;
  std::uint32_t anchor_batch = 0;  ///< Examples a rank that synchronisations are on; 0: all.
  std::uint32_t participants = 0;
  std::string allreduce = "star";  ///< That dense synchronisations go by.
  UpdateRuleOptions rule = SgdOptions{};
  double rate_floor = 1;
};

struct Masha1Options : MashaOptions {};
struct Masha2Options : MashaOptions {};

}  // namespace laconic
