#pragma once

#include <string>
#include <vector>

#include "collectives/link_model.h"
#include "collectives/transport.h"
#include "methods/oracle.h"
#include "train/experiment.h"

/// AUTO: which of the exchanges that the user allows makes the shortest step.
namespace laconic {

/// What is known of a choice before it is made.
struct Forecast {
  std::size_t choice = 0;
  std::string reason;           ///< One line: "AUTO: owner, top_k 1%: 41 ms a step, dense 330 ms".
  std::vector<double> seconds;  ///< A step, by what is allowed; on rank 0.
  double dense_seconds = 0;     ///< A step, by the best of all allreduces.
};

/// Runs the oracle a few times and every exchange in rehearsal (collectives/exchange_cost.h), on
/// all ranks at once, so that they compete for processors as in training; rank 0 then decides for
/// all. What compresses has to save a tenth of a step against the best that does not, and whatever
/// is to replace `current` a tenth against that. Collective; leaves the oracle as it was. Under a
/// second, unless a gradient or a rehearsal takes longer by itself.
Forecast choose_exchange(const AutoOptions& options, std::optional<std::size_t> current,
                         Oracle& oracle, Floats at, const Sample& sample, Transport& transport,
                         LinkModel links);

/// Seconds of a step by the best dense allreduce on these links, with buckets and overlap as in
/// `like`: what a run is set against. Collective, as choose_exchange.
double measure_dense_step(const ExchangeOptions& like, Oracle& oracle, Floats at,
                          const Sample& sample, Transport& transport, const LinkModel& links);

/// Whether links may have changed, by how long exchanges take.
class Drift {
 public:
  /// That a step's exchange has taken, on average since the last call. True where it is time to
  /// look: twice in a row 1.5 times longer or shorter than at first.
  bool hear(double seconds);

  /// Somebody has looked. Where nothing was found, twice as many calls have to pass until the next
  /// look.
  void looked(bool found);

 private:
  double usual_ = 0;  // 0: not known yet
  int in_a_row_ = 0, pause_ = 0, next_pause_ = 8;
};

}  // namespace laconic
