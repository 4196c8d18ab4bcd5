#include "collectives/transports/mpi.h"

#define OMPI_SKIP_MPICXX 1
#include <mpi.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <exception>
#include <functional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/errors.h"

namespace laconic {
namespace {

/// Bytes as a datatype, of which one is sent or received. Up to a block it is MPI's own byte with a
/// count; beyond, a type made of whole blocks and a rest, since counts are ints.
class ByteRun {
 public:
  ByteRun(std::size_t bytes, std::size_t block) {
    if (bytes <= block) {
      count_ = static_cast<int>(bytes);
      return;
    }
    const auto blocks = bytes / block;
    MPI_Datatype one, whole;
    MPI_Type_contiguous(static_cast<int>(block), MPI_BYTE, &one);
    MPI_Type_contiguous(static_cast<int>(blocks), one, &whole);
    const std::array<int, 2> counts{1, static_cast<int>(bytes % block)};
    const std::array<MPI_Aint, 2> places{0, static_cast<MPI_Aint>(blocks * block)};
    const std::array<MPI_Datatype, 2> types{whole, MPI_BYTE};
    MPI_Type_create_struct(2, counts.data(), places.data(), types.data(), &type_);
    MPI_Type_commit(&type_);
    MPI_Type_free(&whole);
    MPI_Type_free(&one);
    count_ = 1;
  }
  ~ByteRun() {
    if (type_ != MPI_BYTE) MPI_Type_free(&type_);  // MPI keeps it until what uses it is done
  }
  ByteRun(const ByteRun&) = delete;
  ByteRun& operator=(const ByteRun&) = delete;

  int count() const { return count_; }
  MPI_Datatype type() const { return type_; }

 private:
  int count_ = 0;
  MPI_Datatype type_ = MPI_BYTE;
};

/// Gives the core away while MPI has nothing for us. MPI can only be polled: the first polls follow
/// each other closely, for messages that are about to come; then each sleep is a sixteenth of the
/// wait so far, which costs a long wait little and leaves the core to who computes.
class Backoff {
 public:
  void pause() {
    const double waited = watch_.seconds();
    if (waited < kYieldSeconds) {
      sched_yield();
      return;
    }
    const double nap = std::clamp(waited / 16, kShortestNap, kLongestNap);
    std::this_thread::sleep_for(std::chrono::duration<double>(nap));
  }

 private:
  static constexpr double kYieldSeconds = 50e-6, kShortestNap = 10e-6, kLongestNap = 1e-3;
  Stopwatch watch_;
};

/// A SharedMemory::Place is the number of a window and, in so many bits, how far into the owner's
/// part of it.
constexpr int kOffsetBits = 48;

class Mpi final : public Transport, private SharedMemory {
 public:
  explicit Mpi(const MpiOptions& options);
  ~Mpi() override;

  std::string_view name() const override { return "mpi"; }
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int host_of(int rank) const override { return hosts_[static_cast<std::size_t>(rank)]; }

  Ticket post_send(int to, Tag tag, Bytes payload) override;
  Ticket post_receive(int from, Tag tag, MutBytes into) override;
  std::optional<std::size_t> poll(Ticket ticket) override;
  std::size_t wait(Ticket ticket) override;
  Ticket wait_any(std::span<const Ticket> tickets) override;
  void wake() noexcept override { woken_.store(true, std::memory_order_release); }
  bool native_allreduce(MutFloats vector) override;
  SharedMemory* shared_memory() override { return this; }
  void abort(std::string_view why, ExitStatus status) noexcept override;

 private:
  struct Operation {
    MPI_Request request;
    int peer;
    bool is_send;
    bool done = false;
    std::size_t bytes = 0;  // moved; of a send known from the start
  };

  /// Memory of all ranks of this machine, each a part of its own.
  struct Window {
    MPI_Win window;
    MutBytes mine;
  };

  MutBytes allocate(std::size_t bytes) override;
  std::optional<Place> place_of(Bytes mine) const override;
  MutBytes borrow(int peer, Place place, std::size_t bytes) override;
  void give_back(int peer) noexcept override;

  void find_hosts();
  std::pair<Ticket, Operation*> post(int peer, bool is_send);
  bool progress(Operation& operation);
  Operation& find(Ticket ticket);
  [[noreturn]] void fail(const Operation& operation, std::string_view why);
  void give_up_at_deadline(const Stopwatch& waited, std::span<const Ticket> tickets);

  const MpiOptions options_;
  MPI_Comm group_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  MPI_Comm machine_ = MPI_COMM_NULL;  // its ranks, in the order of the group
  std::vector<int> hosts_;
  std::vector<Window> windows_;
  std::unordered_map<std::uint64_t, Operation> operations_;
  std::uint64_t last_id_ = 0;
  std::atomic<bool> woken_{false};
};

Mpi::Mpi(const MpiOptions& options) : options_(options) {
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
  check(provided >= MPI_THREAD_SERIALIZED, "an MPI that can be called from changing threads");
  MPI_Comm_dup(MPI_COMM_WORLD, &group_);
  MPI_Comm_set_errhandler(group_, MPI_ERRORS_RETURN);
  MPI_Comm_rank(group_, &rank_);
  MPI_Comm_size(group_, &size_);
  find_hosts();
}

/// Finalising waits for all ranks, and they may be waiting for what this one was about to send.
Mpi::~Mpi() {
  if (std::uncaught_exceptions() > 0) abort("left by an exception", ExitStatus::other);
  for (Window& window : windows_) {
    MPI_Win_unlock_all(window.window);
    MPI_Win_free(&window.window);
  }
  MPI_Comm_free(&machine_);
  MPI_Comm_free(&group_);
  MPI_Finalize();
}

/// Every rank tells the lowest rank of its machine; machines are then numbered in that order.
void Mpi::find_hosts() {
  MPI_Comm_split_type(group_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &machine_);
  int lowest = rank_;
  MPI_Bcast(&lowest, 1, MPI_INT, 0, machine_);
  hosts_.resize(static_cast<std::size_t>(size_));
  MPI_Allgather(&lowest, 1, MPI_INT, hosts_.data(), 1, MPI_INT, group_);
  std::vector<int> seen;
  for (int& host : hosts_) {
    const auto found = std::find(seen.begin(), seen.end(), host);
    const auto number = static_cast<int>(found - seen.begin());
    if (found == seen.end()) seen.push_back(host);
    host = number;
  }
}

std::pair<Ticket, Mpi::Operation*> Mpi::post(int peer, bool is_send) {
  check(peer >= 0 && peer < size_ && peer != rank_, "a peer is another rank of the group");
  const Ticket ticket{++last_id_};
  auto& operation = operations_[ticket.id] = {MPI_REQUEST_NULL, peer, is_send};
  return {ticket, &operation};
}

Ticket Mpi::post_send(int to, Tag tag, Bytes payload) {
  const auto [ticket, send] = post(to, true);
  send->bytes = payload.size();
  const ByteRun run(payload.size(), options_.block_bytes);
  if (MPI_Isend(payload.data(), run.count(), run.type(), to, tag.channel, group_, &send->request) !=
      MPI_SUCCESS)
    fail(*send, "MPI_Isend failed");
  return ticket;
}

Ticket Mpi::post_receive(int from, Tag tag, MutBytes into) {
  const auto [ticket, receive] = post(from, false);
  const ByteRun run(into.size(), options_.block_bytes);
  if (MPI_Irecv(into.data(), run.count(), run.type(), from, tag.channel, group_,
                &receive->request) != MPI_SUCCESS)
    fail(*receive, "MPI_Irecv failed");
  return ticket;
}

/// True once it is done.
bool Mpi::progress(Operation& operation) {
  if (operation.done) return true;
  int done = 0;
  MPI_Status status;
  const int error = MPI_Test(&operation.request, &done, &status);
  if (error != MPI_SUCCESS) {
    int kind = 0;
    MPI_Error_class(error, &kind);
    fail(operation,
         kind == MPI_ERR_TRUNCATE ? "a message longer than its buffer" : "MPI_Test failed");
  }
  if (done == 0) return false;
  operation.done = true;
  if (!operation.is_send) {
    MPI_Count bytes = 0;
    MPI_Get_elements_x(&status, MPI_BYTE, &bytes);
    operation.bytes = static_cast<std::size_t>(bytes);
  }
  return true;
}

Mpi::Operation& Mpi::find(Ticket ticket) {
  const auto found = operations_.find(ticket.id);
  check(found != operations_.end(), "a ticket that was posted and not yet waited for");
  return found->second;
}

std::optional<std::size_t> Mpi::poll(Ticket ticket) {
  Operation& operation = find(ticket);
  if (!progress(operation)) return std::nullopt;
  return operations_.extract(ticket.id).mapped().bytes;
}

std::size_t Mpi::wait(Ticket ticket) {
  const Stopwatch waited;
  Backoff backoff;
  for (;;) {
    if (const auto bytes = poll(ticket)) return *bytes;
    give_up_at_deadline(waited, {&ticket, 1});
    backoff.pause();
  }
}

Ticket Mpi::wait_any(std::span<const Ticket> tickets) {
  const Stopwatch waited;
  Backoff backoff;
  for (;;) {
    for (const Ticket ticket : tickets)
      if (progress(find(ticket))) return ticket;
    if (woken_.exchange(false, std::memory_order_acquire)) return Ticket{};
    give_up_at_deadline(waited, tickets);
    backoff.pause();
  }
}

/// Waiting for nothing but wake() is waiting for a thread of this process, which may take its time.
void Mpi::give_up_at_deadline(const Stopwatch& waited, std::span<const Ticket> tickets) {
  if (tickets.empty() || waited.seconds() < options_.deadline_seconds) return;
  fail(find(tickets.front()), "not done within its deadline");
}

void Mpi::fail(const Operation& operation, std::string_view why) {
  const TransportError error(operation.peer, operation.is_send ? "send" : "receive", why);
  abort(error.what(), error.status());
  std::abort();  // MPI_Abort does not return
}

bool Mpi::native_allreduce(MutFloats vector) {
  for (std::size_t begin = 0; begin < vector.size();) {
    const std::size_t count = std::min<std::size_t>(vector.size() - begin, INT_MAX);
    if (MPI_Allreduce(MPI_IN_PLACE, vector.data() + begin, static_cast<int>(count), MPI_FLOAT,
                      MPI_SUM, group_) != MPI_SUCCESS)
      abort("MPI_Allreduce failed", ExitStatus::network);
    begin += count;
  }
  return true;
}

MutBytes Mpi::allocate(std::size_t bytes) {
  Window window{};
  void* base = nullptr;
  if (MPI_Win_allocate_shared(static_cast<MPI_Aint>(std::max<std::size_t>(bytes, 1)), 1,
                              MPI_INFO_NULL, machine_, static_cast<void*>(&base),
                              &window.window) != MPI_SUCCESS)
    abort("MPI_Win_allocate_shared failed", ExitStatus::network);
  MPI_Win_lock_all(MPI_MODE_NOCHECK, window.window);
  window.mine = {static_cast<std::byte*>(base), bytes};
  std::fill(window.mine.begin(), window.mine.end(), std::byte{0});
  windows_.push_back(window);
  return window.mine;
}

std::optional<SharedMemory::Place> Mpi::place_of(Bytes mine) const {
  for (std::size_t w = 0; w < windows_.size(); ++w) {
    const MutBytes part = windows_[w].mine;
    const std::less_equal<const std::byte*> up_to;
    if (up_to(part.data(), mine.data()) &&
        up_to(mine.data() + mine.size(), part.data() + part.size()))
      return (w << kOffsetBits) + static_cast<Place>(mine.data() - part.data());
  }
  return std::nullopt;
}

MutBytes Mpi::borrow(int peer, Place place, std::size_t bytes) {
  const auto host = [&](int rank) { return hosts_[static_cast<std::size_t>(rank)]; };
  check(host(peer) == host(rank_), "memory of a rank of this machine");
  const auto in_machine = std::count(hosts_.begin(), hosts_.begin() + peer, host(rank_));
  const MPI_Win window = windows_.at(place >> kOffsetBits).window;
  const auto offset = static_cast<std::size_t>(place & ((Place{1} << kOffsetBits) - 1));
  MPI_Aint size = 0;
  int unit = 0;
  void* base = nullptr;
  MPI_Win_shared_query(window, static_cast<int>(in_machine), &size, &unit,
                       static_cast<void*>(&base));
  check(offset + bytes <= static_cast<std::size_t>(size), "a place within the peer's memory");
  MPI_Win_sync(window);
  return {static_cast<std::byte*>(base) + offset, bytes};
}

void Mpi::give_back(int) noexcept {
  for (const Window& window : windows_) MPI_Win_sync(window.window);
}

void Mpi::abort(std::string_view why, ExitStatus status) noexcept {
  // One write, so that lines of several ranks do not mix.
  const std::string line =
      "laconic: rank " + std::to_string(rank_) + ": " + std::string(why) + "\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
  MPI_Abort(MPI_COMM_WORLD, static_cast<int>(status));
  ::_exit(static_cast<int>(status));
}

}  // namespace

bool started_by_mpi() {
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"})
    if (std::getenv(variable) != nullptr) return true;
  return false;
}

std::string mpi_library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string whole(text.data(), static_cast<std::size_t>(length));
  return whole.substr(0, whole.find_first_of(",\n"));
}

std::unique_ptr<Transport> make_mpi_transport(const MpiOptions& options) {
  return std::make_unique<Mpi>(options);
}

}  // namespace laconic
