#pragma once

#include <vector>

#include "collectives/cost_model.h"
#include "collectives/exchange_options.h"

/// How long a step takes with an exchange, before the exchange is made.
namespace laconic {

/// The computation of a step: when it ends, and when which parts of the gradient are final.
struct Computation {
  struct Announcement {
    Slice part;
    double seconds;  ///< From the beginning of the step.
  };
  double seconds = 0;
  std::vector<Announcement> announced;  ///< Of what is left out, all is final at the end.
  /// What it takes longer for each second of processor time that something beside it takes on every
  /// rank: 0 where processors are free, 1 where there are as many as ranks, 2 where two ranks share
  /// one.
  double contention = 0;
};

/// What an exchange has every rank do. Found out by running its own stages on one bucket, once as
/// each rank of the group, with messages that go nowhere: what is sent to whom and how long it
/// takes to compress and to decode are those of the kind itself, and nobody writes them down twice.
class ExchangeCost {
 public:
  /// Rehearses on `gradient`, as long as the layout; large groups rehearse on a part of it. Takes
  /// as long as a few steps of the exchange would take a rank that did everybody's work. Throws
  /// ConfigError as make_exchange does.
  ExchangeCost(const ExchangeOptions& options, const Layout& layout, const LinkModel& links,
               Floats gradient);

  /// Until the average of every bucket is there on every rank.
  double step_seconds(const LinkModel& links, const Computation& computation) const;

  /// Sent by a rank in a step, mean over ranks; frames as they were for the gradient given.
  double bytes_sent() const;

  /// Of the rehearsed rank that takes longest: compressing, decoding and adding in a step.
  double work_seconds() const;

 private:
  struct Act : Schedule::Act {
    explicit Act(const Schedule::Act& act) : Schedule::Act(act) {}
    double fixed = 0;  ///< Bytes of a message that do not grow with the bucket.
  };
  using Acts = std::vector<Act>;
  /// A stage of a bucket.
  struct Turn {
    std::size_t bucket, stage;
    double at;
  };

  std::size_t stages() const { return acts_.front().size() - 1; }
  double amount(const Act& act, Slice bucket) const;
  void append(Schedule& schedule, Slice bucket, std::size_t stage, double slower = 1) const;
  double hop_seconds(const LinkModel& links) const;
  std::vector<Turn> turns(const std::vector<double>& ready, double hop) const;
  double delay(const LinkModel& links, const Computation& computation) const;

  std::vector<Slice> buckets_;
  bool overlap_, late_;
  std::size_t in_flight_ = 1;
  std::size_t rehearsed_ = 0;            ///< Floats of the bucket in `acts_`.
  std::vector<std::vector<Acts>> acts_;  ///< By rank and stage; the last is landing.
};

}  // namespace laconic
