#include "collectives/exchange/worker.h"

#include <utility>

namespace laconic {

Worker::Worker(std::function<void()> job) : job_(std::move(job)), thread_([this] { run(); }) {}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Worker::start() {
  {
    const std::lock_guard lock(mutex_);
    working_ = true;
    error_ = nullptr;
  }
  changed_.notify_all();
}

void Worker::join() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !working_; });
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void Worker::quiesce() noexcept {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !working_; });
  error_ = nullptr;
}

void Worker::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return working_ || ending_; });
    if (!working_) return;
    lock.unlock();
    std::exception_ptr error;
    try {
      job_();
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    error_ = std::move(error);
    working_ = false;
    changed_.notify_all();
  }
}

}  // namespace laconic
