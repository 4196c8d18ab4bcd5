#pragma once

#include "collectives/allreduce.h"

/// The rows of the table in collectives/allreduce.cc, each described in the file of its name.
/// Nothing is sent for an empty vector, nor in a group of one; an empty part of a vector shorter
/// than ranks is an empty message.
namespace laconic::allreduce {

void ring(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch);
Cost ring_cost(std::size_t floats, const Topology& topology);

void recursive_doubling(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch);
Cost recursive_doubling_cost(std::size_t floats, const Topology& topology);

void halving_doubling(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch);
Cost halving_doubling_cost(std::size_t floats, const Topology& topology);

void direct(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch);
Cost direct_cost(std::size_t floats, const Topology& topology);

void naive(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch);
Cost naive_cost(std::size_t floats, const Topology& topology);

/// Of two children, and of three.
void tree(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch);
Cost tree_cost(std::size_t floats, const Topology& topology);
void tree_3(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch);
Cost tree_3_cost(std::size_t floats, const Topology& topology);

void star(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch);
Cost star_cost(std::size_t floats, const Topology& topology);

/// Between machines by a ring, and by a star.
void hierarchical(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch);
Cost hierarchical_cost(std::size_t floats, const Topology& topology);
void hierarchical_star(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch);
Cost hierarchical_star_cost(std::size_t floats, const Topology& topology);

/// What rank `rank` of so many sends in a ring, in bytes.
std::size_t ring_bytes(std::size_t floats, std::size_t ranks, std::size_t rank);

}  // namespace laconic::allreduce
