#pragma once

#include "collectives/transport.h"

namespace laconic {

/// A transport that hands everything on to another, which must outlive it: the base of those that
/// count, watch or rename.
class Forwarding : public Transport {
 public:
  explicit Forwarding(Transport& inner) : inner_(inner) {}

  std::string_view name() const override { return inner_.name(); }
  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  int host_of(int rank) const override { return inner_.host_of(rank); }
  Ticket post_send(int to, Tag tag, Bytes payload) override {
    return inner_.post_send(to, tag, payload);
  }
  Ticket post_receive(int from, Tag tag, MutBytes into) override {
    return inner_.post_receive(from, tag, into);
  }
  std::optional<std::size_t> poll(Ticket ticket) override { return inner_.poll(ticket); }
  std::size_t wait(Ticket ticket) override { return inner_.wait(ticket); }
  Ticket wait_any(std::span<const Ticket> tickets) override { return inner_.wait_any(tickets); }
  void wake() noexcept override { inner_.wake(); }
  bool native_allreduce(MutFloats vector) override { return inner_.native_allreduce(vector); }
  SharedMemory* shared_memory() override { return inner_.shared_memory(); }
  void abort(std::string_view why, ExitStatus status) noexcept override {
    inner_.abort(why, status);
  }

 protected:
  Transport& inner() const { return inner_; }

 private:
  Transport& inner_;
};

}  // namespace laconic
