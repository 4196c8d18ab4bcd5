#pragma once

#include <vector>

#include "base/types.h"

namespace laconic {

/// Cuts a flat vector into buckets of at most `bucket_bytes` of floats, at tensor boundaries; a
/// tensor that is larger is cut at rows (a row longer than a bucket is a bucket of its own). In
/// reverse order of registration, the order in which a backward pass finishes them; together they
/// cover the vector exactly once. A function of its arguments alone, so that all ranks agree.
std::vector<Slice> plan_buckets(const Layout& layout, std::size_t bucket_bytes);

/// What lies in `bucket`, as a vector of its own: the tensors in it, or the rows of one, from 0.
/// What is cut within a row has no columns any more.
Layout layout_of(const Layout& layout, Slice bucket);

}  // namespace laconic
