#include "collectives/transports/tcp/reactor.h"

#include <boost/asio/post.hpp>

namespace laconic::tcp {
namespace {

/// How long the sockets may be left alone, give or take as much again. Long against the pause
/// between two waits of one exchange, short against what a socket buffer holds.
constexpr auto kGrace = std::chrono::milliseconds(2);

}  // namespace

Reactor::Reactor() = default;

Reactor::~Reactor() { stop_helper(); }

void Reactor::start_helper() {
  helper_ = std::thread([this] { help(); });
}

void Reactor::stop_helper() {
  if (!helper_.joinable()) return;
  {
    const std::lock_guard lock(rest_mutex_);
    stopping_ = true;
  }
  rested_.notify_one();
  interrupt();
  helper_.join();
}

void Reactor::interrupt() {
  asio::post(io_, [] {});
}

void Reactor::help() {
  while (!stopping_)
    if (rest()) drive();
}

/// True if the sockets have been left alone for the whole of the grace.
bool Reactor::rest() {
  std::unique_lock lock(rest_mutex_);
  const std::uint64_t seen = drives_;
  const auto changed = [&] { return stopping_ || drives_ != seen; };
  if (rested_.wait_for(lock, kGrace, changed)) return false;
  if (seen % 2 == 0) return true;
  // A caller has driven all that time, perhaps for long: he wakes us when he is through. Short
  // waits do not have to. We say that we sleep before we look whether he still drives, he says that
  // he is through before he looks whether we sleep.
  asleep_ = true;
  rested_.wait(lock, changed);
  asleep_ = false;
  return false;
}

void Reactor::drive() {
  const std::unique_lock turn(turn_, std::try_to_lock);
  if (!turn) return;
  while (wanted_ == 0 && !stopping_) io_.run_one();
}

Reactor::Turn::Turn(Reactor& reactor) : reactor_(reactor) {
  ++reactor_.wanted_;
  if (!reactor_.turn_.try_lock()) {
    reactor_.interrupt();
    reactor_.turn_.lock();
  }
  --reactor_.wanted_;
}

Reactor::Turn::~Turn() { reactor_.turn_.unlock(); }

Reactor::Driving::Driving(Reactor& reactor) : reactor_(reactor) { ++reactor_.drives_; }

Reactor::Driving::~Driving() {
  ++reactor_.drives_;
  if (!reactor_.asleep_) return;
  { const std::lock_guard lock(reactor_.rest_mutex_); }
  reactor_.rested_.notify_one();
}

bool Reactor::Driving::run_one(Clock::time_point until) {
  if (until == Clock::time_point::max()) return reactor_.io_.run_one() > 0;
  return reactor_.io_.run_one_until(until) > 0;
}

}  // namespace laconic::tcp
