// netlab-enter LAB HOST [--tied] -- COMMAND...: runs a command on a host of a lab.
//
// The command sees the host's interfaces, its name, a /proc with only this command's processes, a
// /sys of the host, a /run of its own, and an /etc/hosts with all hosts. /run/netlab holds
//   hostfile     for mpirun, one slot a host
//   hN/net, uts  the namespaces of host N (netlab-rsh enters them)
//   tmp          for files that should go with the command
// All processes that it starts, on this host or by netlab-rsh on another, end with it; and it ends
// with this process and with the lab, however those end. --tied: also with the process that started
// this one.
//
// Signals are passed on. Exit status: the command's; 128 + its signal; 127 and 126 if it is not
// found or cannot be run; 125 if the lab is not there, cannot be entered, or has gone away.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "cluster/switch/control.h"

namespace laconic::netlab {
namespace {

constexpr int kTrouble = 125, kCannotRun = 126, kNotFound = 127, kSignalled = 128;
constexpr std::array kPassedOn{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

struct Entry {
  std::string lab;
  int host = 0;
  bool tied = false;
  /// With a terminal, the command stays in the foreground group. Without, it has a group of its
  /// own, and so has who passes signals on to it: else one signal to the group of our caller would
  /// reach them and be passed on as well.
  bool own_group = false;
  char** command = nullptr;
};

/// The lab's namespaces; the connection tells when it has ended.
struct Door {
  Descriptor connection;
  std::vector<Descriptor> namespaces;  ///< a network and a name a host, then perhaps a user's
  int hosts = 0;
};

Door open_door(const Entry& entry) {
  Door door{connect_to(entry.lab), {}, 0};
  Message reply = ask(door.connection.get(), "enter");
  door.hosts = std::stoi(reply.text.substr(reply.text.find(' ')));
  door.namespaces = std::move(reply.descriptors);
  if (static_cast<int>(door.namespaces.size()) < 2 * door.hosts) {
    throw std::runtime_error("too many files are open to enter the lab");
  }
  if (entry.host < 0 || entry.host >= door.hosts) {
    throw std::runtime_error("no host " + std::to_string(entry.host) + " in lab '" + entry.lab +
                             "'; there are 0 to " + std::to_string(door.hosts - 1));
  }
  return door;
}

int exit_status(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
}

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  for (const int signal : kPassedOn) sigaddset(&set, signal);
  return set;
}

/// A terminal sends its signals to the whole foreground group, of which the command is one.
bool from_terminal(int code) { return code == SI_KERNEL; }

void mount_new(const char* type, const char* at) {
  checked(mount(type, at, type, MS_NOSUID | MS_NODEV, nullptr),
          (std::string("cannot mount ") + at).c_str());
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

/// What the head of this file says the command sees.
void arrange_files(const Door& door) {
  checked(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "cannot make mounts private");
  mount_new("tmpfs", "/run");
  const std::string base = "/run/netlab/";
  for (const std::string& folder : {base, base + "tmp"}) {
    checked(mkdir(folder.c_str(), 0755), folder.c_str());
  }
  std::string hostfile, hosts = "127.0.0.1 localhost\n::1 localhost\n";
  for (int host = 0; host < door.hosts; ++host) {
    const std::string name = 'h' + std::to_string(host), number = std::to_string(host + 1);
    hostfile += name + " slots=1\n";
    hosts += "10.77.0." + number + " " + name + "\nfd77::" + number + " " + name + "\n";
    checked(mkdir((base + name).c_str(), 0755), name.c_str());
    for (int kind = 0; kind < 2; ++kind) {
      const std::string at = base + name + (kind == 0 ? "/net" : "/uts");
      const std::string from =
          "/proc/self/fd/" + std::to_string(door.namespaces[2 * host + kind].get());
      write_text(at, "");
      checked(mount(from.c_str(), at.c_str(), nullptr, MS_BIND, nullptr), at.c_str());
    }
  }
  write_text(base + "hostfile", hostfile);
  write_text(base + "hosts", hosts);
  checked(mount((base + "hosts").c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr), "/etc/hosts");
  mount_new("sysfs", "/sys");
  mount_new("proc", "/proc");
}

[[noreturn]] void become(const Entry& entry, const sigset_t& signals) {
  if (entry.own_group) setpgid(0, 0);
  sigprocmask(SIG_UNBLOCK, &signals, nullptr);
  execvp(entry.command[0], entry.command);
  const int status = errno == ENOENT ? kNotFound : kCannotRun;
  std::cerr << "netlab: " << entry.command[0] << ": " << std::strerror(errno) << "\n";
  _exit(status);
}

/// The first process of the run's own PID namespace: when it ends, the kernel ends all others.
int be_init(const Entry& entry, const Door& door) {
  if (entry.own_group) setpgid(0, 0);
  const sigset_t signals = watched_signals();
  arrange_files(door);
  const pid_t command = checked(fork(), "fork");
  if (command == 0) become(entry, signals);
  for (;;) {
    siginfo_t info{};
    const int signal = sigwaitinfo(&signals, &info);
    if (signal > 0 && signal != SIGCHLD && !from_terminal(info.si_code)) kill(command, signal);
    if (signal != SIGCHLD) continue;
    int status = 0;
    for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended == command) return exit_status(status);
    }
  }
}

/// Outside of that namespace: passes signals on, and watches the lab.
int watch_over(pid_t init, const Entry& entry, const Door& door) {
  const sigset_t signals = watched_signals();
  const Descriptor news(checked(signalfd(-1, &signals, SFD_CLOEXEC), "signalfd"));
  std::array<pollfd, 2> sources{{{news.get(), POLLIN, 0}, {door.connection.get(), POLLIN, 0}}};
  for (;;) {
    if (poll(sources.data(), sources.size(), -1) < 0) continue;
    if (sources[1].revents != 0) {
      kill(init, SIGKILL);
      std::cerr << "netlab: lab '" << entry.lab << "' has gone away\n";
      return kTrouble;
    }
    signalfd_siginfo info{};
    if (read(news.get(), &info, sizeof info) != sizeof info) continue;
    int status = 0;
    if (info.ssi_signo != SIGCHLD) {
      if (!from_terminal(info.ssi_code)) kill(init, static_cast<int>(info.ssi_signo));
    } else if (waitpid(init, &status, WNOHANG) == init) {
      return exit_status(status);
    }
  }
}

int enter(const Entry& entry) {
  const pid_t parent = getppid();
  const sigset_t signals = watched_signals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const Door door = open_door(entry);
  const auto join = [&](std::size_t which) {
    checked(setns(door.namespaces[which].get(), 0), "cannot enter a namespace of the lab");
  };
  if (door.namespaces.size() > 2 * static_cast<std::size_t>(door.hosts)) join(2 * door.hosts);
  for (const int kind : {0, 1}) join(2 * entry.host + kind);
  if (entry.tied) {  // after the namespaces, for a change of user takes it back
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) return kTrouble;
  }
  checked(unshare(CLONE_NEWPID | CLONE_NEWNS), "cannot make a PID namespace");

  std::array<int, 2> ends{};
  checked(pipe2(ends.data(), O_CLOEXEC), "pipe2");
  Descriptor read_end(ends[0]), write_end(ends[1]);
  const pid_t init = checked(fork(), "fork");
  if (init == 0) {
    // If this process had ended before prctl, nobody would tell; then the pipe has ended too.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    write_end = Descriptor();
    char go = 0;
    if (read(read_end.get(), &go, 1) != 1) _exit(kTrouble);
    try {
      _exit(be_init(entry, door));
    } catch (const std::exception& error) {
      std::cerr << "netlab: " << error.what() << "\n";
      _exit(kTrouble);
    }
  }
  if (write(write_end.get(), "g", 1) != 1) return kTrouble;
  return watch_over(init, entry, door);
}

Entry parse(int count, char** words) {
  Entry entry;
  int next = 3;
  if (count > next && std::string(words[next]) == "--tied") {
    entry.tied = true;
    ++next;
  }
  if (count < next + 2 || std::string(words[next]) != "--") {
    throw std::invalid_argument("netlab-enter LAB HOST [--tied] -- COMMAND...");
  }
  entry.lab = words[1];
  const std::string host = words[2];
  if (host.empty() || host.find_first_not_of("0123456789") != std::string::npos ||
      host.size() > 3) {
    throw std::invalid_argument("host '" + host + "': expected its number");
  }
  entry.host = std::stoi(host);
  entry.own_group = !isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp();
  entry.command = words + next + 1;
  return entry;
}

}  // namespace
}  // namespace laconic::netlab

int main(int count, char** words) {
  using namespace laconic::netlab;
  try {
    return enter(parse(count, words));
  } catch (const std::exception& error) {
    std::cerr << "netlab: " << error.what() << "\n";
    return kTrouble;
  }
}
