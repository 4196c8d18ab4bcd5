#pragma once

#include <vector>

#include "collectives/transport.h"

/// What allreduce algorithms are written in.
namespace laconic::allreduce {

/// sum += summand, element by element.
void add(Floats summand, MutFloats sum);

void send(Transport& transport, int to, Floats values, Tag tag);

/// Waits for a posted receive, which must fill `into`: all ranks know all lengths.
void finish_receive(Transport& transport, Ticket receive, Floats into);

/// Posts a receive and finishes it.
void receive(Transport& transport, int from, MutFloats into, Tag tag);

/// Both at once, the receive posted first.
void send_receive(Transport& transport, int to, Floats values, int from, MutFloats into, Tag tag);

/// All ranks but this one, from the next one on. Whoever sends to all others sends in this order:
/// each then begins with another, and no link has to carry what all send at once.
std::vector<int> others_after(int rank, int ranks);

/// The largest power of two that is not above `ranks`, and its logarithm.
struct PowerOfTwo {
  int value = 1;
  int exponent = 0;
};
PowerOfTwo power_of_two_within(int ranks);

}  // namespace laconic::allreduce
