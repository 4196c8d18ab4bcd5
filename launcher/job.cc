#include "launcher/job.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/check.h"
#include "base/errors.h"

namespace laconic {
namespace {

struct Pipe {
  int read = -1, write = -1;

  Pipe() {
    std::array<int, 2> ends{};
    check(pipe2(ends.data(), O_CLOEXEC) == 0, "no pipe");
    read = ends[0], write = ends[1];
  }
  ~Pipe() { close_read(), close_write(); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  void close_read() { close_end(read); }
  void close_write() { close_end(write); }

 private:
  static void close_end(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
};

/// Takes SIGINT, SIGTERM, SIGUSR1 and SIGCHLD as something to read for as long as it lives.
class Signals {
 public:
  Signals() {
    sigset_t taken;
    sigemptyset(&taken);
    for (int signal : {SIGINT, SIGTERM, SIGUSR1, SIGCHLD}) sigaddset(&taken, signal);
    sigprocmask(SIG_BLOCK, &taken, &before_);
    fd_ = signalfd(-1, &taken, SFD_CLOEXEC);
    check(fd_ >= 0, "no signalfd");
  }
  ~Signals() {
    ::close(fd_);
    sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  int fd() const { return fd_; }
  const sigset_t& before() const { return before_; }
  int next() const {
    signalfd_siginfo info{};
    return ::read(fd_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  sigset_t before_{};
  int fd_ = -1;
};

/// In the child; writes errno to `failure` where it cannot become the command.
[[noreturn]] void become(const std::vector<std::string>& command, int stderr_fd, int failure,
                         const sigset_t& mask) {
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
  dup2(stderr_fd, STDERR_FILENO);
  execvp(argv[0], argv.data());
  const int error = errno;
  [[maybe_unused]] const auto written = ::write(failure, &error, sizeof error);
  _exit(127);
}

/// Hands on what is there; false at the end.
bool relay(int fd, const std::function<void(std::string_view)>& see) {
  std::array<char, 4096> buffer;
  const auto got = ::read(fd, buffer.data(), buffer.size());
  if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
  const std::string_view text(buffer.data(), static_cast<std::size_t>(got));
  for (std::size_t done = 0; done < text.size();) {
    const auto n = ::write(STDERR_FILENO, text.data() + done, text.size() - done);
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  see(text);
  return true;
}

void drain(int fd, const std::function<void(std::string_view)>& see) {
  pollfd ready{fd, POLLIN, 0};
  while (poll(&ready, 1, 200) > 0 && relay(fd, see)) {
  }
}

}  // namespace

JobEnd run_job(const std::vector<std::string>& command,
               const std::function<void(std::string_view)>& see) {
  Pipe output, failure;
  const Signals signals;
  const pid_t child = fork();
  check(child >= 0, "no process");
  if (child == 0) become(command, output.write, failure.write, signals.before());
  output.close_write();
  failure.close_write();
  int error = 0;
  if (::read(failure.read, &error, sizeof error) == sizeof error) {
    waitpid(child, nullptr, 0);
    throw ConfigError(command[0], std::strerror(error));
  }

  JobEnd end;
  std::array<pollfd, 2> ready{pollfd{signals.fd(), POLLIN, 0}, pollfd{output.read, POLLIN, 0}};
  for (;;) {
    if (poll(ready.data(), ready.size(), -1) < 0) continue;
    if (ready[1].revents != 0 && !relay(output.read, see)) ready[1].fd = -1;
    if (ready[0].revents == 0) continue;
    if (signals.next() != SIGCHLD) {
      kill(child, end.interrupted ? SIGTERM : SIGUSR1);
      end.interrupted = true;
      continue;
    }
    int status = 0;
    if (waitpid(child, &status, WNOHANG) != child) continue;
    if (ready[1].fd >= 0) drain(output.read, see);
    end.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return end;
  }
}

}  // namespace laconic
