#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace laconic {
namespace {

using Work = std::function<void(std::size_t)>;

constexpr int kPatience = 100;  // turns of some tenths of a microsecond

/// One call of parallel_for, on the stack of who called.
struct Job {
  const Work& work;
  const std::size_t parts;
  std::atomic<std::size_t> next{0};

  // Guarded by the mutex of the helpers.
  int helpers = 0;  // that are at it
  std::size_t failed = parts;
  std::exception_ptr error;
};

/// The threads of the process that help. There are as many as were ever wanted at a time.
class Helpers {
 public:
  static Helpers& of_process() {
    static Helpers helpers;
    return helpers;
  }

  ~Helpers() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    wanted_.notify_all();
  }

  void run(Job& job, std::size_t helpers) {
    ask(job, helpers);
    work_on(job);
    std::unique_lock lock(mutex_);
    std::erase(jobs_, &job);
    // Whoever still is at it ends soon, as a rule before this thread would be asleep.
    for (int i = 0; i < kPatience && job.helpers > 0; ++i) {
      lock.unlock();
      std::this_thread::yield();
      lock.lock();
    }
    left_.wait(lock, [&] { return job.helpers == 0; });
    if (job.error) std::rethrow_exception(job.error);
  }

 private:
  void ask(Job& job, std::size_t helpers) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.insert(jobs_.end(), helpers, &job);
      try {
        while (threads_.size() < busy_ + jobs_.size()) threads_.emplace_back([this] { serve(); });
      } catch (const std::system_error&) {
        // No more threads are to be had: those that are here do it.
      }
    }
    for (std::size_t i = 0; i < helpers; ++i) wanted_.notify_one();
  }

  void work_on(Job& job) {
    std::size_t i = 0;
    try {
      while ((i = job.next++) < job.parts) job.work(i);
    } catch (...) {
      job.next = job.parts;
      const std::lock_guard lock(mutex_);
      if (i < job.failed) job.failed = i, job.error = std::current_exception();
    }
  }

  void serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      wanted_.wait(lock, [this] { return over_ || !jobs_.empty(); });
      if (over_) return;
      Job& job = *jobs_.front();
      jobs_.pop_front();
      ++busy_, ++job.helpers;
      lock.unlock();
      work_on(job);
      lock.lock();
      --busy_, --job.helpers;
      left_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wanted_, left_;
  std::deque<Job*> jobs_;  // a job stands here once for each helper that it still wants
  std::size_t busy_ = 0;
  bool over_ = false;
  std::vector<std::jthread> threads_;  // the last member: they use the others
};

}  // namespace

void parallel_for(int threads, std::size_t parts, const Work& work) {
  const std::size_t most = std::min(parts, static_cast<std::size_t>(std::max(threads, 1)));
  if (most <= 1) {
    for (std::size_t i = 0; i < parts; ++i) work(i);
    return;
  }
  Job job{work, parts};
  Helpers::of_process().run(job, most - 1);
}

// Whoever ends a part does what has become due, unless somebody is at it, who will then see to this
// part as well: nobody waits for a turn.
void parallel_in_order(int threads, std::size_t parts, const Work& work, const Work& then) {
  std::mutex mutex;
  std::vector<bool> done(parts);
  std::size_t next = 0;
  bool somebody = false;
  parallel_for(threads, parts, [&](std::size_t i) {
    work(i);
    std::unique_lock lock(mutex);
    done[i] = true;
    if (somebody) return;
    somebody = true;
    for (; next < parts && done[next]; ++next) {
      lock.unlock();
      then(next);
      lock.lock();
    }
    somebody = false;
  });
}

}  // namespace laconic
