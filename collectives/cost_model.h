#pragma once

#include <cstddef>
#include <vector>

#include "collectives/allreduce.h"
#include "collectives/link_model.h"

/// How long a collective takes on given links, worked out from what each rank does in turn.
namespace laconic {

/// What every rank of a group does, each in its own order. Messages of two ranks arrive in the
/// order sent; a send is posted and goes on by itself.
class Schedule {
 public:
  explicit Schedule(int ranks) : acts_(ranks) {}

  int ranks() const { return static_cast<int>(acts_.size()); }

  /// `from` posts a message to `to`.
  void send(int from, int to, double bytes);
  /// `to` waits for the next message from `from`.
  void receive(int to, int from);
  /// `from` waits until its next message to `to`, in the order sent, has left.
  void finish_send(int from, int to);
  /// `rank` computes: compresses, decodes, adds.
  void compute(int rank, double seconds);
  /// `rank` does nothing before that time, counted from the beginning.
  void wait_until(int rank, double seconds);

  struct Act {
    enum class Kind { send, receive, finish_send, compute, wait_until } kind;
    int peer = 0;
    double amount = 0;  ///< Bytes, or seconds.
  };
  const std::vector<Act>& acts(int rank) const { return acts_[rank]; }

 private:
  std::vector<std::vector<Act>> acts_;
};

/// Seconds until the last rank is through, when all begin at once. Messages on their way at one
/// time share what `links` says they share, fairly (max-min: Bertsekas and Gallager, "Data
/// Networks", 1992, §6.5.2). Throws std::logic_error for a schedule that waits for what never
/// comes.
double predict_seconds(const Schedule& schedule, const LinkModel& links);

/// What the ranks of `links` do to sum `floats` by `algorithm`: written down while it runs, on
/// fewer floats where they are many.
Schedule schedule_of(const AllreduceAlgorithm& algorithm, std::size_t floats,
                     const LinkModel& links);

double predict_seconds(const AllreduceAlgorithm& algorithm, std::size_t floats,
                       const LinkModel& links);

/// The algorithm with the least predicted time; of equals, the first in the table.
const AllreduceAlgorithm& fastest_allreduce(std::size_t floats, const LinkModel& links);

}  // namespace laconic
