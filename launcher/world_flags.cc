#include "launcher/world_flags.h"

#include <stdexcept>
#include <utility>

#include "base/errors.h"
#include "base/rates.h"
#include "collectives/transports/mpi.h"

namespace laconic {
namespace {

template <typename T>
T parsed(const char* flag, const std::string& text, T (*parse)(std::string_view)) {
  try {
    return parse(text);
  } catch (const std::invalid_argument& e) {
    throw ConfigError(flag, e.what());
  }
}

}  // namespace

void WorldFlags::add_to(CLI::App& verb) {
  tcp_.rank = -1;  // must be said, with tcp
  verb.add_option("--ranks", world_.ranks,
                  "Ranks: threads of this process, or processes with --transport tcp")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  verb.add_option("--transport", transport_,
                  "auto: mpirun's where it started this process, else threads")
      ->check(CLI::IsMember({"auto", "tcp"}))
      ->capture_default_str();
  verb.add_option("--link-rate", link_rate_,
                  "threads: as if each rank were a host on a cable of this rate, like 10mbit");
  verb.add_option("--link-latency", link_latency_,
                  "threads: as if hosts were so far apart, one way, like 5ms");
  verb.add_option("--rendezvous", tcp_.rendezvous, "tcp: HOST:PORT where rank 0 listens");
  verb.add_option("--rank", tcp_.rank, "tcp: this process's rank, from 0")
      ->check(CLI::NonNegativeNumber);
  verb.add_option("--interface", tcp_.interface, "tcp: interface or address to use");
  verb.add_option("--tls-ca", tls_.ca_file, "tcp: TLS 1.3, with this CA (PEM)");
  verb.add_option("--tls-certificate", tls_.certificate_file, "tcp: this rank's (PEM)");
  verb.add_option("--tls-key", tls_.key_file, "tcp: its key (PEM)");
}

WorldOptions WorldFlags::options() const {
  WorldOptions world = world_;
  world.tcp = tcp();
  world.emulated = emulated();
  if (world.ranks > 1 && !world.tcp && started_by_mpi())
    throw ConfigError("--ranks", "mpirun says how many ranks there are; leave it out");
  return world;
}

/// What the flags about emulated links say together.
std::optional<Link> WorldFlags::emulated() const {
  if (link_rate_.empty() && link_latency_.empty()) return std::nullopt;
  if (transport_ == "tcp" || started_by_mpi())
    throw ConfigError(link_rate_.empty() ? "--link-latency" : "--link-rate",
                      "for ranks that are threads; others have links of their own");
  Link link;
  if (!link_rate_.empty())
    link.bytes_per_second = parsed("--link-rate", link_rate_, parse_rate) / 8;
  if (!link_latency_.empty())
    link.latency_seconds =
        static_cast<double>(parsed("--link-latency", link_latency_, parse_time)) / kSecond;
  return link;
}

/// What the flags about TCP say together.
std::optional<TcpOptions> WorldFlags::tcp() const {
  const bool any_tls =
      !tls_.ca_file.empty() || !tls_.certificate_file.empty() || !tls_.key_file.empty();
  if (transport_ != "tcp") {
    if (any_tls || tcp_.rank >= 0 || !tcp_.rendezvous.empty() || !tcp_.interface.empty())
      throw ConfigError("--transport", "tcp, for --rendezvous, --rank, --interface and --tls-*");
    return std::nullopt;
  }
  if (tcp_.rendezvous.empty())
    throw ConfigError("--rendezvous", "required by --transport tcp: HOST:PORT of rank 0");
  if (tcp_.rank < 0) throw ConfigError("--rank", "required by --transport tcp");
  if (tcp_.rank >= world_.ranks)
    throw ConfigError("--rank", "below --ranks, which is " + std::to_string(world_.ranks));
  for (const auto& [flag, file] :
       {std::pair("--tls-ca", tls_.ca_file), std::pair("--tls-certificate", tls_.certificate_file),
        std::pair("--tls-key", tls_.key_file)})
    if (any_tls && file.empty())
      throw ConfigError(flag, "required: TLS takes a CA, a certificate and its key");
  TcpOptions tcp = tcp_;
  if (any_tls) tcp.tls = tls_;
  return tcp;
}

}  // namespace laconic
