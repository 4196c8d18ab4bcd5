#pragma once

#include "collectives/transports/in_process.h"
#include "tests/collectives/ranks.h"

namespace laconic::test {

inline GroupKind in_process_kind(std::string name, std::vector<int> sizes,
                                 const InProcessOptions& options) {
  return {std::move(name), std::move(sizes),
          [options](int ranks, double deadline, const RankBody& body) {
            InProcessOptions with_deadline = options;
            with_deadline.deadline_seconds = deadline;
            run_ranks(make_in_process_group(ranks, with_deadline), body);
          },
          [options](int ranks) { return make_in_process_group(ranks, options); }};
}

/// The two that every collective runs over: buffering hides what relies on it, rendezvous shows it.
inline std::vector<GroupKind> buffered_and_rendezvous(const std::vector<int>& sizes = {
                                                          1, 2, 3, 4, 5, 6, 7, 8, 9}) {
  return {in_process_kind("in_process", sizes, {}),
          in_process_kind("rendezvous", sizes, {.rendezvous = true})};
}

}  // namespace laconic::test
