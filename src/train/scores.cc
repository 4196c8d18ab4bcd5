#include "train/scores.h"

#include <cstring>
#include <vector>

#include "base/check.h"
#include "collectives/control.h"

namespace laconic {

Scores combine_scores(std::span<const Scores> shares) {
  Scores sum{.loss = 0, .accuracy = 0, .gap = 0, .distance = 0, .robust_loss = 0, .examples = 0};
  for (const Scores& share : shares) {
    if (share.examples == 0) continue;
    const auto weight = static_cast<double>(share.examples);
    sum.loss += weight * share.loss;
    sum.accuracy += weight * share.accuracy;
    sum.gap += weight * share.gap;
    sum.distance += weight * share.distance;
    sum.robust_loss += weight * share.robust_loss;
    sum.examples += share.examples;
  }
  const auto all = static_cast<double>(sum.examples);  // none: 0 / 0, which is what is known
  return {sum.loss / all,     sum.accuracy / all,    sum.gap / all,
          sum.distance / all, sum.robust_loss / all, sum.examples};
}

Scores score_over_ranks(const Oracle& oracle, Floats at, Transport& transport) {
  const Scores mine = oracle.score(at, {transport.rank(), transport.size()});
  std::vector<Scores> shares;
  for (const auto& bytes :
       allgather(transport, std::as_bytes(std::span(&mine, 1)), channels::control)) {
    check(bytes.size() == sizeof(Scores), "scores of another size");
    std::memcpy(&shares.emplace_back(), bytes.data(), sizeof(Scores));
  }
  return combine_scores(shares);
}

}  // namespace laconic
