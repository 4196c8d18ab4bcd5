#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace laconic::tcp {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

/// Who serves the sockets. Everything that touches connections is done by the thread that has the
/// turn, and one thread has it at a time:
///
/// - a caller takes a Turn for each call of the transport. While he waits he runs the io_context
///   himself, so that what he waits for is handed to nobody on the way;
/// - a helper thread takes the turn when no caller has run the io_context for a moment: peers must
///   be read and hear heartbeats also while everybody computes. A caller who wants the turn back
///   interrupts it.
///
/// The moment of grace saves a hand-over each way between two waits that follow each other closely.
class Reactor {
 public:
  Reactor();
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  asio::io_context& io() { return io_; }

  void start_helper();
  void stop_helper();

  class Turn {
   public:
    explicit Turn(Reactor& reactor);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Reactor& reactor_;
  };

  /// While it lives, its thread, which has the turn, runs the io_context.
  class Driving {
   public:
    explicit Driving(Reactor& reactor);
    ~Driving();
    Driving(const Driving&) = delete;
    Driving& operator=(const Driving&) = delete;

    /// Sleeps until something has been done, or `until`: then false.
    bool run_one(Clock::time_point until);

   private:
    Reactor& reactor_;
  };

  /// Ends a run_one of whoever is in it. From any thread.
  void interrupt();

 private:
  void help();
  bool rest();
  void drive();

  asio::io_context io_{1};  // 1: run by one thread at a time
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};

  std::mutex turn_;
  std::atomic<int> wanted_{0};            // callers who wait for the turn
  std::atomic<std::uint64_t> drives_{0};  // begun and ended by callers: odd while one is under way
  std::atomic<bool> asleep_{false};       // the helper, until a caller's driving ends

  std::mutex rest_mutex_;
  std::condition_variable rested_;
  std::atomic<bool> stopping_{false};
  std::thread helper_;
};

}  // namespace laconic::tcp
