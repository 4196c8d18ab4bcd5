#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "collectives/transport.h"

/// How tests run something on every rank of a group, whatever the group is made of.
namespace laconic::test {

using RankBody = std::function<void(Transport&)>;
using Group = std::vector<std::unique_ptr<Transport>>;

/// A kind of group. The same tests run over each kind there is.
struct GroupKind {
  std::string name;
  std::vector<int> sizes;  ///< Numbers of ranks worth trying.

  /// Runs the body on every rank of a new group, and rethrows the exception that was first. Where a
  /// rank is a process (mpi), runs this process's rank alone, and `ranks` is the one size there is.
  std::function<void(int ranks, double deadline_seconds, const RankBody& body)> run_with_deadline;

  void run(int ranks, const RankBody& body) const { run_with_deadline(ranks, 60, body); }

  /// All ranks of a new group, where one process can have them.
  std::function<Group(int ranks)> make = {};
};

inline void PrintTo(const GroupKind& kind, std::ostream* out) { *out << kind.name; }

inline std::string kind_name(const testing::TestParamInfo<GroupKind>& kind) {
  return kind.param.name;
}

/// A thread a rank. A rank that throws aborts the group, as the launcher would have it do.
inline void run_ranks(const Group& group, const RankBody& body) {
  std::mutex mutex;
  std::exception_ptr first;
  const auto run = [&](Transport& transport) {
    try {
      body(transport);
    } catch (const std::exception& e) {
      {
        const std::lock_guard lock(mutex);
        if (!first) first = std::current_exception();
      }
      transport.abort(e.what(), status_of(e));
    }
  };
  std::vector<std::thread> threads;
  for (const auto& transport : group) threads.emplace_back(run, std::ref(*transport));
  for (std::thread& thread : threads) thread.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace laconic::test
