#pragma once

#include "base/types.h"

/// What methods and update rules are written in: arithmetic on flat vectors, each function one pass
/// over memory. A device has its own version of each; a rule written over them needs no other.
///
/// All vectors of a call have one length (std::logic_error otherwise) and any alignment. An output
/// may be the same memory as an input, but not overlap it in part. Elementwise functions round
/// after every operation, in the order that the formula is written in. Reductions take the exact
/// products of floats in double and add element i to lane i mod 16, then the lanes in pairs: the
/// bits do not depend on the width of the registers.
namespace laconic {

void scale(float a, MutFloats x);                                   ///< x = a x
void add(Floats x, MutFloats y);                                    ///< y = y + x
void subtract(Floats x, MutFloats y);                               ///< y = y - x
void axpy(float a, Floats x, MutFloats y);                          ///< y = y + a x
void combine(float a, Floats x, float b, Floats y, MutFloats out);  ///< out = a x + b y

double dot(Floats x, Floats y);
double squared_norm(Floats x);
double squared_distance(Floats x, Floats y);  ///< The difference is taken in double.

/// g = gradient + weight_decay x; x = x - rate g.
void descend(Floats gradient, float rate, float weight_decay, MutFloats x);

/// g = gradient + weight_decay x; v = momentum v + g; x = x - rate (nesterov ? g + momentum v : v).
struct MomentumStep {
  float rate, momentum, weight_decay;
  bool nesterov;
};
void descend(Floats gradient, const MomentumStep& step, MutFloats velocity, MutFloats x);

/// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g²;
/// x = decay x - rate m / (sqrt(v) / root + epsilon).
struct AdamStep {
  float beta1, beta2;
  float rate;  ///< With the first moment's bias correction in it.
  float root;  ///< Square root of the second moment's bias correction.
  float epsilon;
  float decay;  ///< What is kept of x.
};
void descend(Floats gradient, const AdamStep& step, MutFloats first, MutFloats second, MutFloats x);

}  // namespace laconic
