#pragma once

#include <CLI/CLI.hpp>

#include <string>

#include "launcher/world.h"

namespace laconic {

/// The flags by which a verb is told how its ranks find each other. Lives as long as the parsing
/// and until options() has been called.
class WorldFlags {
 public:
  void add_to(CLI::App& verb);

  /// Throws ConfigError where the flags contradict each other, or mpirun.
  WorldOptions options() const;

 private:
  std::optional<TcpOptions> tcp() const;
  std::optional<Link> emulated() const;

  WorldOptions world_;
  std::string transport_ = "auto", link_rate_, link_latency_;
  TcpOptions tcp_;
  TcpTls tls_;
};

}  // namespace laconic
