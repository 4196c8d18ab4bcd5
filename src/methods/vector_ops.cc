#include "methods/vector_ops.h"

#include <cmath>
#include <initializer_list>

#include "base/check.h"
#include "base/lanes.h"

namespace laconic {
namespace {

constexpr std::size_t kLanes = 16;

void check_lengths(std::size_t count, std::initializer_list<std::size_t> others) {
  for (const std::size_t other : others) check(other == count, "vectors of different lengths");
}

}  // namespace

void scale(float a, MutFloats x) {
  for (float& value : x) value = a * value;
}

void add(Floats x, MutFloats y) {
  check_lengths(y.size(), {x.size()});
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = y[i] + x[i];
}

void subtract(Floats x, MutFloats y) {
  check_lengths(y.size(), {x.size()});
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = y[i] - x[i];
}

void axpy(float a, Floats x, MutFloats y) {
  check_lengths(y.size(), {x.size()});
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = y[i] + a * x[i];
}

void combine(float a, Floats x, float b, Floats y, MutFloats out) {
  check_lengths(out.size(), {x.size(), y.size()});
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = a * x[i] + b * y[i];
}

double dot(Floats x, Floats y) {
  check_lengths(x.size(), {y.size()});
  return sum_in_lanes<kLanes>(x.size(), [x, y](std::size_t i) {
    return static_cast<double>(x[i]) * static_cast<double>(y[i]);
  });
}

double squared_norm(Floats x) { return dot(x, x); }

double squared_distance(Floats x, Floats y) {
  check_lengths(x.size(), {y.size()});
  return sum_in_lanes<kLanes>(x.size(), [x, y](std::size_t i) {
    const double difference = static_cast<double>(x[i]) - static_cast<double>(y[i]);
    return difference * difference;
  });
}

void descend(Floats gradient, float rate, float weight_decay, MutFloats x) {
  check_lengths(x.size(), {gradient.size()});
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = x[i] - rate * (gradient[i] + weight_decay * x[i]);
}

void descend(Floats gradient, const MomentumStep& step, MutFloats velocity, MutFloats x) {
  check_lengths(x.size(), {gradient.size(), velocity.size()});
  const auto [rate, momentum, weight_decay, nesterov] = step;
  // Two loops: a branch inside would keep the compiler from vectorising.
  if (nesterov) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float g = gradient[i] + weight_decay * x[i];
      const float v = momentum * velocity[i] + g;
      velocity[i] = v;
      x[i] = x[i] - rate * (g + momentum * v);
    }
  } else {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float v = momentum * velocity[i] + (gradient[i] + weight_decay * x[i]);
      velocity[i] = v;
      x[i] = x[i] - rate * v;
    }
  }
}

void descend(Floats gradient, const AdamStep& step, MutFloats first, MutFloats second,
             MutFloats x) {
  check_lengths(x.size(), {gradient.size(), first.size(), second.size()});
  const auto [beta1, beta2, rate, root, epsilon, decay] = step;
  const float rest1 = 1 - beta1, rest2 = 1 - beta2;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float g = gradient[i];
    const float m = beta1 * first[i] + rest1 * g;
    const float v = beta2 * second[i] + rest2 * (g * g);
    first[i] = m;
    second[i] = v;
    x[i] = decay * x[i] - rate * (m / (std::sqrt(v) / root + epsilon));
  }
}

}  // namespace laconic
