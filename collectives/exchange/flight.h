#pragma once

#include <vector>

#include "base/types.h"
#include "collectives/exchange/timeline.h"
#include "collectives/transport.h"

namespace laconic {

/// A bucket on its way through an exchange, and the messages that it waits for.
class Flight {
 public:
  Flight(Transport& transport, Timeline& timeline, std::size_t slot, std::size_t stages)
      : transport_(transport), timeline_(timeline), slot_(slot), receives_(stages) {}

  Slice bucket() const { return bucket_; }

  /// Which of the places for buckets in flight it has, from 0: what its memory is found by.
  std::size_t slot() const { return slot_; }

  /// `message` is borrowed until the bucket has landed and its slot is free.
  void send(int to, Tag tag, Bytes message);

  /// The bucket's `stage` does not begin before the message is there.
  void receive(int from, Tag tag, MutBytes into, std::size_t stage);

  /// What came from a rank that `stage` has waited for.
  Bytes received(int from, std::size_t stage) const;

  Timeline::Timed time(Activity activity) { return {timeline_, activity, index_}; }

  // For the pipeline.
  void launch(std::size_t index, Slice bucket);
  bool may_run(std::size_t stage);  ///< All its messages are there. Makes progress.
  bool has_landed();                ///< All that was sent has left. Makes progress.
  void add_receives(std::size_t stage, std::vector<Ticket>& tickets) const;
  void add_sends(std::vector<Ticket>& tickets) const;

 private:
  struct Receive {
    int from;
    MutBytes into;
    Ticket ticket;
    bool done = false;
    std::size_t bytes = 0;
  };

  Transport& transport_;
  Timeline& timeline_;
  const std::size_t slot_;
  std::size_t index_ = 0;  // of the bucket in the plan
  Slice bucket_;
  std::vector<std::vector<Receive>> receives_;  // by the stage that waits for them
  struct Send {
    Ticket ticket;
    double posted;
  };
  std::vector<Send> sends_;  // not yet done
};

}  // namespace laconic
