#pragma once

#include <memory>

#include "base/sampling.h"
#include "methods/oracle.h"
#include "nn/text.h"
#include "nn/transformer.h"

namespace laconic {

struct AdversarialOptions {
  TransformerOptions model;
  double radius = 8;               ///< Of the ball of perturbations.
  std::uint32_t attack_steps = 5;  ///< Of ascent, when scores are taken.
  Partition partition = Partition::shuffled;
  std::uint64_t seed = 1;
  int rank = 0;
  int ranks = 1;
};

/// Adversarial training: min over a transformer's weights, max over the perturbation that is added
/// to its embeddings, |perturbation| <= radius, of the mean cross-entropy of the next character.
/// Examples are the windows of `context` characters of this rank's part of the text. The operator
/// is (gradient by the weights, minus that by the perturbation); the prox projects the perturbation
/// onto its ball. Neither convex nor concave: no constants.
///
/// Scores are means over the windows of the held-out text. loss and accuracy are without any
/// perturbation. robust_loss is under the worst that projected ascent, steps of half the radius
/// along the gradient from the trained perturbation, found for each 64 windows; so it does not
/// depend on how many ranks share the work.
///
/// Throws ConfigError where the model's options do not fit, DataError where the text is too short.
std::unique_ptr<Oracle> make_adversarial(const AdversarialOptions& options,
                                         std::shared_ptr<const Text> text);

}  // namespace laconic
