#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "collectives/forwarding.h"

namespace laconic::test {

/// Counts the messages on the critical path of what ranks that are threads say to each other, by
/// Lamport's clocks: a message is one later than the latest that its sender has received.
class CriticalPath {
 public:
  /// A view of `inner` that keeps this rank's clock in `clock`; all three must outlive it.
  std::unique_ptr<Transport> watch(Transport& inner, std::size_t& clock) {
    return std::make_unique<Watched>(*this, inner, clock);
  }

 private:
  using Route = std::tuple<int, int, std::uint16_t>;  // from, to, channel

  class Watched final : public Forwarding {
   public:
    Watched(CriticalPath& path, Transport& inner, std::size_t& clock)
        : Forwarding(inner), path_(path), clock_(clock) {}

    Ticket post_send(int to, Tag tag, Bytes payload) override {
      {
        const std::lock_guard lock(path_.mutex_);
        path_.sent_[{rank(), to, tag.channel}].push_back(clock_ + 1);
      }
      return inner().post_send(to, tag, payload);
    }
    Ticket post_receive(int from, Tag tag, MutBytes into) override {
      const Ticket ticket = inner().post_receive(from, tag, into);
      const Route route{from, rank(), tag.channel};
      receives_[ticket.id] = {route, posted_[route]++};
      return ticket;
    }
    std::optional<std::size_t> poll(Ticket ticket) override {
      const auto bytes = inner().poll(ticket);
      if (bytes) done(ticket);
      return bytes;
    }
    std::size_t wait(Ticket ticket) override {
      const std::size_t bytes = inner().wait(ticket);
      done(ticket);
      return bytes;
    }

   private:
    void done(Ticket ticket) {
      const auto found = receives_.find(ticket.id);
      if (found == receives_.end()) return;
      const auto [route, number] = found->second;
      receives_.erase(found);
      const std::lock_guard lock(path_.mutex_);
      clock_ = std::max(clock_, path_.sent_.at(route).at(number));
    }

    CriticalPath& path_;
    std::size_t& clock_;
    std::map<Route, std::size_t> posted_;
    std::unordered_map<std::uint64_t, std::pair<Route, std::size_t>> receives_;
  };

  std::mutex mutex_;
  std::map<Route, std::vector<std::size_t>> sent_;  // clocks of all messages so far
};

}  // namespace laconic::test
