#include "cluster/switch/server.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <csignal>
#include <ctime>
#include <sstream>
#include <stdexcept>

#include "cluster/switch/cable_change.h"
#include "cluster/switch/control.h"

namespace laconic::netlab {
namespace {

/// What an epoll event is about, beside the hosts (their number) and the peers (their address).
enum Source : std::uint64_t { kListening = 1 << 16, kTimer, kSignals, kOwner, kSources };

constexpr int kFramesAtOnce = 64;  // before the other ports have their turn
constexpr std::size_t kFullFrame = 1518;
constexpr std::size_t kLargestBundle = 65000;
constexpr Nanoseconds kLongestBundle = 500 * kMicrosecond;

Nanoseconds now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

std::vector<std::string> split(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

pid_t parse_pid(const std::string& text) {
  pid_t pid = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && pid > 0) return pid;
  throw std::invalid_argument("process '" + text + "': expected its number");
}

const char* name_of(Shape shape) {
  switch (shape) {
    case Shape::star:
      return "star";
    case Shape::two_sites:
      return "two-sites";
    case Shape::chain:
      return "chain";
  }
  return "";
}

}  // namespace

Server::Server(const ServerOptions& options, Lab lab, Descriptor listening, pid_t owner,
               bool realtime)
    : options_(options),
      fabric_(options.fabric),
      lab_(std::move(lab)),
      listening_(std::move(listening)),
      realtime_(realtime) {
  epoll_ = Descriptor(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
  timer_ = Descriptor(
      checked(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create"));
  sigset_t ends;
  sigemptyset(&ends);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&ends, signal);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  signals_ = Descriptor(checked(signalfd(-1, &ends, SFD_CLOEXEC), "signalfd"));
  watch(listening_.get(), kListening);
  watch(timer_.get(), kTimer);
  watch(signals_.get(), kSignals);
  for (std::size_t host = 0; host < lab_.hosts.size(); ++host) {
    watch(lab_.hosts[host].tap.descriptor(), host);
  }
  set_owner(owner);
  set_bundles();
}

void Server::watch(int fd, std::uint64_t what) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = what;
  checked(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

void Server::run() {
  while (!over_) {
    fabric_.advance(now(), [this](int host, const Frame& frame) {
      lab_.hosts[host].tap.write(frame);  // an interface that is down loses it, as it would
    });
    set_timer();
    wait_for_events();
  }
}

void Server::set_timer() {
  const Nanoseconds due = fabric_.next_due();
  if (due == timer_due_) return;
  timer_due_ = due;
  itimerspec when{};  // all zero: never
  if (due != std::numeric_limits<Nanoseconds>::max()) {
    when.it_value = {due / kSecond, due % kSecond};
  }
  checked(timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr), "timerfd_settime");
}

void Server::wait_for_events() {
  std::array<epoll_event, 64> events;
  const int count = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
  if (count < 0 && errno != EINTR) checked(-1, "epoll_wait");
  for (int i = 0; i < count; ++i) {
    const std::uint64_t source = events[i].data.u64;
    if (source < kListening) {
      take_frames(static_cast<int>(source));
    } else if (source == kListening) {
      accept_request();
    } else if (source == kTimer) {
      timer_due_ = 0;  // it has run out, and stays readable until set again
    } else if (source == kSignals || source == kOwner) {
      over_ = true;
    } else {
      const auto peer = std::find_if(peers_.begin(), peers_.end(), [&](const Descriptor& other) {
        return reinterpret_cast<std::uint64_t>(&other) == source;
      });
      if (peer != peers_.end()) answer(peer);
    }
  }
}

void Server::take_frames(int host) {
  const Nanoseconds time = now();
  for (int i = 0; i < kFramesAtOnce; ++i) {
    auto frame = lab_.hosts[host].tap.read();
    if (!frame) return;
    fabric_.send(host, std::move(*frame), time);
  }
}

void Server::accept_request() {
  Descriptor peer = accept_peer(listening_.get());
  if (!peer) return;
  peers_.push_back(std::move(peer));
  watch(peers_.back().get(), reinterpret_cast<std::uint64_t>(&peers_.back()));
}

void Server::answer(std::list<Descriptor>::iterator peer) {
  const Message request = receive_message(peer->get());
  if (request.end) {
    peers_.erase(peer);
    return;
  }
  std::string reply;
  std::vector<int> descriptors;
  try {
    const auto words = split(request.text);
    if (words == std::vector<std::string>{"enter"}) {
      for (const Host& host : lab_.hosts) {
        descriptors.insert(descriptors.end(), {host.network.get(), host.name.get()});
      }
      if (lab_.user) descriptors.push_back(lab_.user.get());
      reply = "ok\nhosts " + std::to_string(lab_.hosts.size()) + "\n";
    } else {
      reply = "ok\n" + act(words);
    }
  } catch (const std::invalid_argument& error) {
    reply = std::string("error ") + error.what();
  }
  try {
    send_message(peer->get(), reply, descriptors);
  } catch (const std::system_error&) {
    peers_.erase(peer);  // gone, or it asks and never listens
  }
}

std::string Server::act(const std::vector<std::string>& words) {
  const auto is = [&](std::string_view verb, std::size_t arguments) {
    return words.size() == arguments + 1 && words[0] == verb;
  };
  if (is("status", 0)) return status();
  if (!words.empty() && words[0] == "set") return set(words);
  if (is("quit", 0)) {
    over_ = true;
  } else if (is("owner", 1)) {
    set_owner(words[1] == "none" ? 0 : parse_pid(words[1]));
  } else if (is("cut", 1) || (is("cut", 2) && words[2] == "silent")) {
    cut(words[1], words.size() == 3);
  } else if (is("join", 1)) {
    join(words[1]);
  } else {
    throw std::invalid_argument("no such request");
  }
  return "";
}

std::string Server::set(const std::vector<std::string>& words) {
  const CableChange change({words.begin() + 1, words.end()});
  std::vector<std::string> cables = change.cables();
  if (cables.empty()) cables = fabric_.described();
  struct Changed {
    const std::string& cable;
    int end;
    LinkOptions options;
  };
  std::vector<Changed> changed;  // all is read before anything is changed
  for (const std::string& cable : cables) {
    for (const int end : change.ends()) {
      const LinkOptions& old = fabric_.cable(cable).options[end];
      changed.push_back({cable, end, change.apply(old, options_.queue == 0)});
    }
  }
  for (const auto& [cable, end, options] : changed) fabric_.set(cable, end, options);
  set_bundles();
  return "";
}

void Server::set_owner(pid_t pid) {
  Descriptor owner;
  if (pid != 0) {
    const auto fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (fd < 0) throw std::invalid_argument("owner: no process " + std::to_string(pid));
    owner = Descriptor(fd);
    watch(fd, kOwner);
  }
  owner_ = std::move(owner);
  owner_pid_ = pid;
}

void Server::cut(const std::string& cable, bool silent) {
  fabric_.cut(cable);
  const int host = fabric_.cable(cable).ends[0];
  if (host < fabric_.hosts() && !silent) lab_.hosts[host].tap.set_carrier(false);
}

void Server::join(const std::string& cable) {
  fabric_.join(cable);
  const int host = fabric_.cable(cable).ends[0];
  if (host < fabric_.hosts()) lab_.hosts[host].tap.set_carrier(true);
}

// A bundle may keep a wire busy for half a millisecond: less, and the switch is woken for each
// segment, which takes a whole core at 1 Gbit/s; more, and small messages wait behind bundles for
// longer than they would behind segments. The slowest cable decides, for a bundle is never cut.
void Server::set_bundles() {
  double slowest = std::numeric_limits<double>::infinity();
  for (const Cable& cable : fabric_.cables()) {
    for (const LinkOptions& link : cable.options) slowest = std::min(slowest, link.bits_per_second);
  }
  const double bytes = slowest * static_cast<double>(kLongestBundle) / 8e9;
  bundle_bytes_ =
      !options_.bundles || bytes < 3 * kFullFrame
          ? 0
          : static_cast<std::size_t>(std::min<double>(bytes, static_cast<double>(kLargestBundle)));
  for (Host& host : lab_.hosts) host.tap.set_bundles(bundle_bytes_ > 0);
}

/// lab NAME pid P shape S hosts N owner PID bundle BYTES user 0|1 realtime 0|1 time NANOSECONDS
/// cable NAME joined|cut DIRECTION DIRECTION, where each of these is
///   out|in rate BITS latency NS queue NS packets N bytes N payload N dropped N
/// Out is away from the host (or from the lower switch). A rate of 0 means unlimited.
std::string Server::status() const {
  std::ostringstream text;
  text << "lab " << options_.name << " pid " << getpid() << " shape " << name_of(fabric_.shape())
       << " hosts " << fabric_.hosts() << " owner " << owner_pid_ << " bundle " << bundle_bytes_
       << " user " << (lab_.user ? 1 : 0) << " realtime " << (realtime_ ? 1 : 0) << " time "
       << now() << "\n";
  for (const Cable& cable : fabric_.cables()) {
    text << "cable " << cable.name << (cable.joined ? " joined" : " cut");
    for (const int end : {kOut, kIn}) {
      const auto& [rate, latency, queue] = cable.options[end];
      const LinkCounters& counters = cable.towards[end].counters();
      text << (end == kOut ? " out" : " in") << " rate "
           << (std::isinf(rate) ? 0 : std::llround(rate)) << " latency " << latency << " queue "
           << queue << " packets " << counters.packets << " bytes " << counters.wire_bytes
           << " payload " << counters.payload << " dropped " << counters.dropped;
    }
    text << "\n";
  }
  return text.str();
}

}  // namespace laconic::netlab
