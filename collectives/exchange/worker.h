#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace laconic {

/// A thread that does the same job whenever it is told to, and sleeps between.
class Worker {
 public:
  explicit Worker(std::function<void()> job);
  ~Worker();  ///< The job is done, or ends by itself.
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Not while the job runs.
  void start();

  /// Until the job is done; rethrows what it threw.
  void join();

  /// The same, and what it threw is forgotten.
  void quiesce() noexcept;

 private:
  void run();

  const std::function<void()> job_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool working_ = false, ending_ = false;  // guarded by mutex_, as the next one
  std::exception_ptr error_;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace laconic
