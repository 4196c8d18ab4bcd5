#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "collectives/exchange.h"
#include "methods/method.h"
#include "methods/setting.h"

/// Methods for variational inequalities and saddle points, one file each: find z* with
/// <F(z*), z - z*> + h(z) - h(z*) >= 0 for all z, where F is the mean of the F_m that ranks hold.
/// Minimisation is the case F = gradient. All move on full batches where `batch` is 0. A rate of 0
/// is left to theory, which each file names; so is a probability.
namespace laconic {

struct DescentAscentOptions {
  double rate = 0;
  std::uint32_t batch = 0;
  std::uint32_t participants = 0;  ///< Ranks that take part in a step, drawn anew; 0: all.
};

struct ExtragradientOptions {
  double rate = 0;
  std::uint32_t batch = 0;
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
  std::uint32_t participants = 0;
  std::string allreduce = "star";  ///< That dense synchronisations go by.
};

struct Masha1Options : MashaOptions {};
struct Masha2Options : MashaOptions {};

/// Exchanges must outlive the method; their residuals are saved by who made them. `dense` is an
/// exact exchange of the method's own. Throw ConfigError, with the field's path, where legs do not
/// fit the method or theory has no value for what was left to it.
std::unique_ptr<Method> make_descent_ascent(const DescentAscentOptions& options,
                                            const Setting& setting, Exchange& exchange,
                                            std::vector<float> start);
std::unique_ptr<Method> make_extragradient(const ExtragradientOptions& options,
                                           const Setting& setting, Exchange& exchange,
                                           std::vector<float> start);
std::unique_ptr<Method> make_local_extragradient(const LocalExtragradientOptions& options,
                                                 const Setting& setting, Exchange& exchange,
                                                 std::vector<float> start);
std::unique_ptr<Method> make_optimistic_gradient(const OptimisticGradientOptions& options,
                                                 const Setting& setting, Exchange& exchange,
                                                 std::vector<float> start);
std::unique_ptr<Method> make_diana(const DianaOptions& options, const Setting& setting,
                                   Exchange& exchange, std::vector<float> start);
std::unique_ptr<Method> make_masha1(const Masha1Options& options, const Setting& setting,
                                    Exchange& exchange, Exchange& dense, std::vector<float> start);
std::unique_ptr<Method> make_masha2(const Masha2Options& options, const Setting& setting,
                                    Exchange& exchange, Exchange& dense, std::vector<float> start);

/// The part of the above that needs neither problem nor peers: throws ConfigError where a leg does
/// not keep the contract that the method relies on. Methods without one take any legs.
void check_legs(const ExtragradientOptions& options, const Legs& legs);
void check_legs(const OptimisticGradientOptions& options, const Legs& legs);
void check_legs(const DianaOptions& options, const Legs& legs);
void check_legs(const Masha1Options& options, const Legs& legs);
void check_legs(const Masha2Options& options, const Legs& legs);
}  // namespace laconic
