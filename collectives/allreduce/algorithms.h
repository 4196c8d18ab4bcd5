#pragma once

#include "collectives/allreduce.h"

/// The rows of the table in collectives/allreduce.cc. Each is described in the file of its name.
/// Nothing is sent for an empty vector or an empty part of one, nor in a group of one.
namespace laconic::allreduce {

void ring(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch);
Cost ring_cost(std::size_t floats, const Topology& topology);

void recursive_doubling(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch);
Cost recursive_doubling_cost(std::size_t floats, const Topology& topology);

void star(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch);
Cost star_cost(std::size_t floats, const Topology& topology);

}  // namespace laconic::allreduce
