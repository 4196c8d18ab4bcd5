// What the transports cost against what one would write without them, between two ranks.
//
//   bench_transport ping [blocks = 15]
//     8 bytes there and back: tcp against a bare loop on blocking sockets, in_process against a
//     hand-over by condition variable
//   mpirun -np 2 bench_transport ping [blocks]
//     the same, and mpi beside them
//   bench_transport bulk [blocks = 9]
//     64 MB by the loopback: rate and processor time of both ends, of tcp and tcp with TLS against
//     a bare loop
//   bench_transport wire RANK HOST:PORT [FOLDER]
//     64 MB from rank 1 to rank 0 on another host; prints seconds. With TLS by the folder's ca.pem,
//     rank.pem and rank.key. tests/bench/wire_stream.py runs it on netlab.
//
// Contestants take turns block by block, so that all see the same machine; printed are medians and
// the middle half, of ratios too.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "collectives/control.h"
#include "collectives/transports/in_process.h"
#include "collectives/transports/mpi.h"
#include "collectives/transports/tcp.h"
#include "launcher/bench/timing.h"
#include "tests/bench/bare_socket.h"
#include "tests/collectives/tcp/tcp_group.h"

namespace {

using namespace laconic;
using bench::BareSocket;
using bench::Spread;

constexpr Tag kTag{.channel = 40, .purpose = Purpose::dense};
constexpr std::size_t kBulkBytes = std::size_t{64} << 20;

/// Two processes, by fork or by mpirun.
struct Couple {
  int rank = 0;
  std::array<std::uint16_t, 2> ports{test::free_port(), test::free_port()};  // bare, tcp
  std::unique_ptr<Transport> mpi;                                            // by mpirun only
  pid_t child = 0;

  Couple() {
    if (!started_by_mpi()) {
      child = ::fork();
      check(child >= 0, "a second process");
      rank = child == 0 ? 1 : 0;
      return;
    }
    mpi = make_mpi_transport({});
    check(mpi->size() == 2, "two ranks");
    rank = mpi->rank();
    const auto said = broadcast(*mpi, std::as_bytes(std::span(ports)), channels::control);
    std::memcpy(&ports, said.data(), sizeof ports);
  }
  ~Couple() {
    if (child > 0) ::waitpid(child, nullptr, 0);
  }
  Couple(const Couple&) = delete;
  Couple& operator=(const Couple&) = delete;

  std::unique_ptr<Transport> tcp(const std::optional<TcpTls>& tls = std::nullopt) const {
    TcpOptions options;
    options.rendezvous = "127.0.0.1:" + std::to_string(ports[1]);
    options.rank = rank;
    options.ranks = 2;
    options.tls = tls;
    return make_tcp_transport(options);
  }
};

// ---------------------------------------------------------------------------------------- 8 bytes

void ping(Transport& t, int times) {
  const int peer = 1 - t.rank();
  std::uint64_t out = 0, in = 0;
  const auto send = [&] { return t.post_send(peer, kTag, std::as_bytes(std::span(&out, 1))); };
  const auto receive = [&] {
    return t.post_receive(peer, kTag, std::as_writable_bytes(std::span(&in, 1)));
  };
  for (int i = 0; i < times; ++i) {
    if (t.rank() == 0) {
      out = static_cast<std::uint64_t>(i);
      const Ticket back = receive(), there = send();
      t.wait(there);
      t.wait(back);
      check(in == out, "the ping's own pong");
    } else {
      t.wait(receive());
      out = in;
      t.wait(send());
    }
  }
}

void ping(BareSocket& socket, int rank, int times) {
  std::uint64_t word = 0;
  const MutBytes bytes = std::as_writable_bytes(std::span(&word, 1));
  for (int i = 0; i < times; ++i) {
    if (rank == 0) socket.send(bytes);
    socket.receive(bytes);
    if (rank == 1) socket.send(bytes);
  }
}

/// Two threads that hand 8 bytes over and back under a mutex.
void ping_by_condition_variable(int times) {
  std::mutex mutex;
  std::condition_variable changed[2];
  int turn = 0;
  std::uint64_t slot = 0;
  const auto side = [&](int mine) {
    std::uint64_t word = 0;
    for (int i = 0; i < times; ++i) {
      std::unique_lock lock(mutex);
      changed[mine].wait(lock, [&] { return turn == mine; });
      word = slot;
      slot = word + 1;
      turn = 1 - mine;
      changed[1 - mine].notify_one();
    }
  };
  std::thread other(side, 1);
  side(0);
  other.join();
}

void ping_in_process(const std::vector<std::unique_ptr<Transport>>& group, int times) {
  std::thread other([&] { ping(*group[1], times); });
  ping(*group[0], times);
  other.join();
}

struct Contestant {
  std::string name;
  int against;  // whom it is compared with; itself: nobody
  std::function<void(int times)> run;
  std::vector<double> microseconds = {};
};

void print(const std::vector<Contestant>& all) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Spread time = bench::spread_of(all[i].microseconds);
    std::printf("%-22s %7.2f us  (%.2f to %.2f)", all[i].name.c_str(), time.median, time.lower,
                time.upper);
    const auto base = static_cast<std::size_t>(all[i].against);
    if (base != i) {
      const Spread ratio = bench::ratios(all[i].microseconds, all[base].microseconds);
      std::printf("   %.2f times %s  (%.2f to %.2f)", ratio.median, all[base].name.c_str(),
                  ratio.lower, ratio.upper);
    }
    std::printf("\n");
  }
}

void bench_ping(int blocks) {
  constexpr int kTimes = 2000;
  const Couple couple;
  BareSocket bare(couple.rank, couple.ports[0]);
  const auto tcp = couple.tcp();
  const auto group = make_in_process_group(2);
  std::vector<Contestant> all{
      {"bare sockets", 0, [&](int times) { ping(bare, couple.rank, times); }},
      {"tcp", 0, [&](int times) { ping(*tcp, times); }},
      {"condition variable", 2,
       [&](int times) {
         if (couple.rank == 0) ping_by_condition_variable(times);
       }},
      {"in_process", 2,
       [&](int times) {
         if (couple.rank == 0) ping_in_process(group, times);
       }},
  };
  if (couple.mpi) all.push_back({"mpi", 0, [&](int times) { ping(*couple.mpi, times); }});
  for (int block = -1; block < blocks; ++block)
    for (std::size_t i = 0; i < all.size(); ++i) {
      Contestant& now = all[block % 2 == 0 ? i : all.size() - 1 - i];
      ping(bare, couple.rank, 1);  // both are here
      const Stopwatch watch;
      now.run(kTimes);
      if (block >= 0) now.microseconds.push_back(watch.seconds() / kTimes * 1e6);
    }
  if (couple.rank != 0) return;
  std::printf("8 bytes there and back, %d blocks of %d, median and middle half:\n", blocks, kTimes);
  print(all);
}

// ------------------------------------------------------------------------------------------ 64 MB

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Rank 1's bytes at rank 0, which then says so.
void carry(Transport& t, MutBytes bytes) {
  std::byte done{};
  if (t.rank() == 0) {
    t.wait(t.post_receive(1, kTag, bytes));
    t.wait(t.post_send(1, kTag, {&done, 1}));
  } else {
    t.wait(t.post_send(0, kTag, bytes));
    t.wait(t.post_receive(0, kTag, {&done, 1}));
  }
}

void carry(BareSocket& socket, int rank, MutBytes bytes) {
  std::byte done{};
  rank == 0 ? socket.receive(bytes) : socket.send(bytes);
  rank == 0 ? socket.send({&done, 1}) : socket.receive({&done, 1});
}

void bench_bulk(int blocks) {
  const test::Certificates certificates;
  {
    const Couple couple;
    check(couple.mpi == nullptr, "two processes of its own, not mpirun's");
    BareSocket bare(couple.rank, couple.ports[0]);
    const auto tcp = couple.tcp(), tls = couple.tcp(certificates.good());
    std::vector<std::byte> bytes(kBulkBytes, std::byte{1});
    struct Row {
      const char* name;
      std::function<void()> run;
      std::vector<double> rates = {}, processor = {};  // GB/s; seconds of both ends for a GB
    };
    std::vector<Row> rows{{"bare sockets", [&] { carry(bare, couple.rank, bytes); }},
                          {"tcp", [&] { carry(*tcp, bytes); }},
                          {"tcp with TLS", [&] { carry(*tls, bytes); }}};
    for (int block = -1; block < blocks; ++block)
      for (Row& row : rows) {
        ping(bare, couple.rank, 1);
        const Stopwatch watch;
        double mine = -processor_seconds(), theirs = 0;
        row.run();
        const double seconds = watch.seconds();
        mine += processor_seconds();
        if (couple.rank == 1) bare.send(std::as_bytes(std::span(&mine, 1)));
        if (couple.rank == 0) bare.receive(std::as_writable_bytes(std::span(&theirs, 1)));
        if (block < 0) continue;
        row.rates.push_back(1e-9 * kBulkBytes / seconds);
        row.processor.push_back((mine + theirs) / (1e-9 * kBulkBytes));
      }
    if (couple.rank == 0) {
      std::printf("64 MB messages by the loopback, %d of each, median and middle half:\n", blocks);
      for (const Row& row : rows) {
        const Spread rate = bench::spread_of(row.rates);
        const Spread processor = bench::spread_of(row.processor);
        const Spread ratio = bench::ratios(row.rates, rows[0].rates);
        std::printf(
            "%-13s %6.3f GB/s (%.3f to %.3f), %.2f of bare;  %.3f s of processor a GB "
            "(%.3f to %.3f)\n",
            row.name, rate.median, rate.lower, rate.upper, ratio.median, processor.median,
            processor.lower, processor.upper);
      }
      std::fflush(stdout);
    }
    if (couple.rank == 1) std::_Exit(0);  // the certificates are the parent's
  }
}

void bench_wire(int rank, const std::string& rendezvous, const std::string& folder) {
  TcpOptions options;
  options.rendezvous = rendezvous;
  options.rank = rank;
  options.ranks = 2;
  if (!folder.empty())
    options.tls = TcpTls{folder + "/ca.pem", folder + "/rank.pem", folder + "/rank.key"};
  const auto tcp = make_tcp_transport(options);
  std::vector<std::byte> bytes(kBulkBytes, std::byte{1});
  barrier(*tcp, channels::control);
  const Stopwatch watch;
  carry(*tcp, bytes);
  if (rank == 1) std::printf("%.6f\n", watch.seconds());
}

int usage() {
  std::fprintf(stderr,
               "usage: bench_transport ping|bulk [blocks]\n"
               "       bench_transport wire RANK HOST:PORT [FOLDER]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) return usage();
  const int blocks = words.size() == 2 ? std::atoi(words[1].c_str()) : 0;
  if (words[0] == "ping" && words.size() <= 2)
    bench_ping(blocks > 0 ? blocks : 15);
  else if (words[0] == "bulk" && words.size() <= 2)
    bench_bulk(blocks > 0 ? blocks : 9);
  else if (words[0] == "wire" && (words.size() == 3 || words.size() == 4))
    bench_wire(std::atoi(words[1].c_str()), words[2], words.size() == 4 ? words[3] : "");
  else
    return usage();
}
