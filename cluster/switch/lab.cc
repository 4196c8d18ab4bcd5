#include "cluster/switch/lab.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

namespace laconic::netlab {
namespace {

constexpr int kOfHost = CLONE_NEWNET | CLONE_NEWUTS;

void write_file(const char* path, const std::string& text) {
  const Descriptor file(checked(open(path, O_WRONLY | O_CLOEXEC), path));
  checked(static_cast<int>(write(file.get(), text.data(), text.size())), path);
}

Descriptor this_namespace(const char* kind) {
  const std::string path = std::string("/proc/self/ns/") + kind;
  return Descriptor(checked(open(path.c_str(), O_RDONLY | O_CLOEXEC), path.c_str()));
}

/// Root in a user namespace, which the caller's ids are mapped to.
Descriptor enter_user_namespace() {
  const auto user = std::to_string(geteuid()), group = std::to_string(getegid());
  checked(unshare(CLONE_NEWUSER),
          "needs root, or a kernel that lets you make user namespaces (see "
          "user.max_user_namespaces, kernel.unprivileged_userns_clone and AppArmor)");
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", "0 " + user + " 1");
  write_file("/proc/self/gid_map", "0 " + group + " 1");
  return this_namespace("user");
}

Host make_host(int host) {
  checked(unshare(kOfHost), "cannot make a network namespace");
  const std::string name = 'h' + std::to_string(host);
  checked(sethostname(name.data(), name.size()), "sethostname");
  return {this_namespace("net"), this_namespace("uts"), Tap("eth0", host)};
}

}  // namespace

Lab make_lab(int hosts) {
  Lab lab;
  if (unshare(kOfHost) < 0) {
    if (errno != EPERM) checked(-1, "cannot make a network namespace");
    lab.user = enter_user_namespace();
  }
  for (int host = 0; host < hosts; ++host) lab.hosts.push_back(make_host(host));
  // The switch stays in the last host's namespaces unless it leaves them, and would show up there.
  checked(unshare(kOfHost), "cannot make a network namespace");
  return lab;
}

}  // namespace laconic::netlab
