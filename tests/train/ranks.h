#pragma once

#include <exception>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/errors.h"
#include "collectives/transports/in_process.h"

namespace laconic::test {

/// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string path = std::filesystem::temp_directory_path() / "laconic-test-XXXXXX";
    path_ = ::mkdtemp(path.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// What each rank of a group of threads threw; null where it ended well. A rank that throws aborts
/// the group, but for an interrupt, which all ranks come to by themselves.
inline std::vector<std::exception_ptr> outcomes(int ranks, const InProcessOptions& options,
                                                const std::function<void(Transport&)>& body) {
  const auto group = make_in_process_group(ranks, options);
  std::vector<std::exception_ptr> thrown(group.size());
  std::vector<std::thread> threads;
  for (const auto& transport : group)
    threads.emplace_back([&body, &thrown, &t = *transport] {
      try {
        body(t);
      } catch (const Interrupted&) {
        thrown[static_cast<std::size_t>(t.rank())] = std::current_exception();
      } catch (const std::exception& e) {
        thrown[static_cast<std::size_t>(t.rank())] = std::current_exception();
        t.abort(e.what(), status_of(e));
      }
    });
  for (auto& thread : threads) thread.join();
  return thrown;
}

/// Runs the body on every rank and expects that none throws.
inline void on_ranks(int ranks, const std::function<void(Transport&)>& body) {
  for (const auto& thrown : outcomes(ranks, {.rendezvous = true}, body))
    if (thrown) std::rethrow_exception(thrown);
}

/// What an exception says; empty for none.
inline std::string message_of(const std::exception_ptr& thrown) {
  if (!thrown) return "";
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return e.what();
  }
}

}  // namespace laconic::test
