#pragma once

#include "collectives/transports/in_process.h"
#include "tests/collectives/ranks.h"

namespace laconic::test {

/// Which machine a rank pretends to be on.
using HostMap = std::function<int(int rank)>;

inline GroupKind in_process_kind(std::string name, std::vector<int> sizes,
                                 const InProcessOptions& options, const HostMap& host_of = {}) {
  const auto options_for = [options, host_of](int ranks) {
    InProcessOptions mapped = options;
    for (int r = 0; host_of && r < ranks; ++r) mapped.hosts.push_back(host_of(r));
    return mapped;
  };
  return {std::move(name), std::move(sizes),
          [options_for](int ranks, double deadline, const RankBody& body) {
            InProcessOptions with_deadline = options_for(ranks);
            with_deadline.deadline_seconds = deadline;
            run_ranks(make_in_process_group(ranks, with_deadline), body);
          },
          [options_for](int ranks) { return make_in_process_group(ranks, options_for(ranks)); }};
}

/// The two that every collective runs over: buffering hides what relies on it, rendezvous shows it.
inline std::vector<GroupKind> buffered_and_rendezvous(const std::vector<int>& sizes = {
                                                          1, 2, 3, 4, 5, 6, 7, 8, 9}) {
  return {in_process_kind("in_process", sizes, {}),
          in_process_kind("rendezvous", sizes, {.rendezvous = true})};
}

/// Ranks on several machines: by twos, dealt out in turn, and one machine with most of them; each
/// with shared memory and without.
inline std::vector<GroupKind> host_maps() {
  const std::vector<int> sizes{2, 3, 4, 5, 6, 7, 8, 9};
  const std::vector<std::pair<std::string, HostMap>> maps{
      {"twos", [](int rank) { return rank / 2; }},
      {"dealt", [](int rank) { return rank % 3; }},
      {"uneven", [](int rank) { return rank < 2        ? rank
                                       : rank % 5 == 4 ? 2
                                                       : 1; }},
      {"each_alone", [](int rank) { return rank; }}};
  std::vector<GroupKind> kinds;
  for (const auto& [name, host_of] : maps)
    for (const bool shared : {true, false})
      kinds.push_back(in_process_kind(name + (shared ? "" : "_no_shared_memory"), sizes,
                                      {.rendezvous = true, .shared_memory = shared}, host_of));
  kinds.push_back(
      in_process_kind("no_shared_memory", sizes, {.rendezvous = true, .shared_memory = false}));
  return kinds;
}

}  // namespace laconic::test
