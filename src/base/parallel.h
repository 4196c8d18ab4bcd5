#pragma once

#include <cstddef>
#include <functional>

namespace laconic {

/// Calls work(i) once for each i below `parts`, in this thread and in up to `threads` - 1 others,
/// and returns when all are done. The others belong to the process and sleep from one call to the
/// next; whoever calls while all are busy does more by itself. Parts are begun in order, none after
/// one that has thrown; what the lowest of those threw is thrown on.
///
/// What the parts compute must not depend on who computes them: then any number of threads gives
/// the same bits.
void parallel_for(int threads, std::size_t parts, const std::function<void(std::size_t)>& work);

/// The same, and then(i) in order of i, one at a time, once work(i) and all before it are done: for
/// what only a sequence can do, such as a hash. With one thread it follows each work(i) at once.
void parallel_in_order(int threads, std::size_t parts, const std::function<void(std::size_t)>& work,
                       const std::function<void(std::size_t)>& then);

}  // namespace laconic
