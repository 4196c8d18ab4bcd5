#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collectives/transport.h"

namespace laconic {

/// What a rank says of itself now and then. Totals count from the start of the whole run.
struct Digest {
  std::uint64_t step = 0;  ///< Steps done.
  std::uint64_t hash = 0;  ///< Of the parameters; compared if `hashed`, on all ranks or on none.
  bool hashed = false;
  bool stop = false;  ///< Somebody asked this rank to end.
  bool look = false;  ///< Rank 0 asks for another look at the links.
  double loss_sum = 0;
  std::uint64_t losses = 0;                                           ///< That loss_sum is made of.
  double seconds = 0;                                                 ///< By the wall clock.
  double compute = 0, compress = 0, wait = 0, decode = 0, apply = 0;  ///< Seconds.
  double hidden = 0;                                ///< Seconds of the exchange behind compute.
  double residual_square = 0, gradient_square = 0;  ///< As FeedbackNorms.
  std::uint64_t bytes_sent = 0, bytes_received = 0;

  double exchange_seconds() const { return compress + wait + decode + hidden; }
};

/// By what ranks agree when to stop, see whether they still hold the same parameters, and tell rank
/// 0 how they do, without waiting for each other: in round r every rank posts its digest to rank 0;
/// rank 0 collects the digests as round r + 1 begins and posts its verdict, which everybody reads
/// as round r + 2 begins. Messages so have a whole round to travel, and all ranks learn of a stop
/// at the same step, two rounds after it was asked for.
///
/// All ranks begin rounds after the same steps, in the thread that uses the transport. Destroyed
/// only after drain() or when the group was aborted: posted messages borrow its memory.
class Agreement {
 public:
  explicit Agreement(Transport& transport) : transport_(transport) {}

  struct News {
    bool stop = false;  ///< The same on every rank, as the next one.
    bool look = false;
    std::vector<std::vector<Digest>> digests;  ///< On rank 0: of each collected round, by rank.
  };

  /// Begins a round; returns news of those before. Throws Error, naming the ranks, where parameters
  /// have come apart; the first rank to read of it ends the group with these words.
  News next(const Digest& mine);

  /// Ends the rounds under way: afterwards nothing is in flight.
  News drain();

 private:
  struct Verdict {
    bool stop = false, look = false;
    std::array<char, 246> divergence{};  // its description; empty: all is well
  };
  struct Round {
    std::vector<Digest> digests;         // rank 0: of all; else: the own one
    std::vector<Ticket> digest_tickets;  // rank 0: receives; else: one send
    Verdict verdict;
    std::vector<Ticket> verdict_tickets;  // rank 0: sends; else: one receive
  };

  bool is_root() const { return transport_.rank() == 0; }
  void begin(const Digest& mine);
  void collect(News& news);   // the newest round
  void conclude(News& news);  // and forget the oldest one

  Transport& transport_;
  std::deque<Round> rounds_;  // under way, at most two, the oldest first
};

/// Which ranks hold other parameters than most do (where two groups are as large: than the one of
/// the lowest rank), as a sentence; nothing where all are the same.
std::optional<std::string> describe_divergence(std::span<const std::uint64_t> hashes,
                                               std::uint64_t step);

}  // namespace laconic
