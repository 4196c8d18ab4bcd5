#include "cluster/switch/tap.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace laconic::netlab {
namespace {

constexpr std::size_t kLargestRead = kVirtioHeader + kEthernetHeader + 65536;

}  // namespace

Tap::Tap(const char* name, int host)
    : fd_(checked(
          open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC),
          "cannot open /dev/net/tun (modprobe tun; in a container: --device /dev/net/tun)")) {
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  std::snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  checked(ioctl(fd_.get(), TUNSETIFF, &request), "cannot make a TAP device");
  int header = kVirtioHeader;
  checked(ioctl(fd_.get(), TUNSETVNETHDRSZ, &header), "TUNSETVNETHDRSZ");
  const auto mac = mac_of(host);
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(request.ifr_hwaddr.sa_data, mac.data(), mac.size());
  checked(ioctl(fd_.get(), SIOCSIFHWADDR, &request), "cannot set the address of a TAP device");
}

std::optional<Frame> Tap::read() {
  std::array<std::byte, kLargestRead> buffer;
  Frame frame;
  for (;;) {
    const ssize_t length = ::read(fd_.get(), buffer.data(), buffer.size());
    if (length < 0) {
      if (errno == EAGAIN || errno == EINTR) return std::nullopt;
      checked(-1, "cannot read from a TAP device");
    }
    if (read_frame({buffer.data(), static_cast<std::size_t>(length)}, frame)) return frame;
  }
}

bool Tap::write(const Frame& frame) {
  return ::write(fd_.get(), frame.data.data(), frame.data.size()) >= 0;
}

// Checksums stay undone on the way from host to host, as the header of the frame says.
void Tap::set_bundles(bool on) {
  const unsigned offload = on ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : TUN_F_CSUM;
  checked(ioctl(fd_.get(), TUNSETOFFLOAD, offload), "TUNSETOFFLOAD");
}

void Tap::set_carrier(bool on) {
  int carrier = on ? 1 : 0;
  checked(ioctl(fd_.get(), TUNSETCARRIER, &carrier), "TUNSETCARRIER");
}

}  // namespace laconic::netlab
