#pragma once

#include <memory>
#include <vector>

#include "collectives/exchange.h"
#include "methods/method.h"
#include "methods/saddle_options.h"
#include "methods/setting.h"

/// Methods for variational inequalities and saddle points, one file each: find z* with
/// <F(z*), z - z*> + h(z) - h(z*) >= 0 for all z, where F is the mean of the F_m that ranks hold.
/// Minimisation is the case F = gradient.
namespace laconic {

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
