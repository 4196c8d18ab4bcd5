#pragma once

#include <vector>

#include "base/types.h"

/// Vectors to compress.
namespace laconic::bench {

/// Independent standard normal values.
std::vector<float> gaussian(std::size_t count);

/// Gradients of the FedAvg CNN on Fashion-MNIST (batch 32), after 50 steps of training: those of
/// as many consecutive steps as it takes, one behind the other. Empty where the data set is not
/// installed.
std::vector<float> real_gradients(std::size_t count);

/// The largest square matrix that there is room for, and a rest.
Layout square_and_rest(std::size_t count);

}  // namespace laconic::bench
