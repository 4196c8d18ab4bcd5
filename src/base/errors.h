#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

/// What can go wrong, by who can mend it. The launcher turns each into an exit status; nobody else
/// catches them to go on.
namespace laconic {

/// Exit statuses of the executable.
enum class ExitStatus { done = 0, other = 1, usage = 2, data = 3, network = 4, interrupted = 130 };

class Error : public std::runtime_error {
 public:
  Error(ExitStatus status, const std::string& what) : std::runtime_error(what), status_(status) {}
  ExitStatus status() const { return status_; }

 private:
  ExitStatus status_;
};

/// What an exception means for the process: an Error's own status, else `other`.
ExitStatus status_of(const std::exception& error) noexcept;

/// A field of the configuration or an argument is not what it must be.
class ConfigError : public Error {
 public:
  /// `field` is the path as the user writes it, "exchange.gather.compressor.top_k.density".
  ConfigError(std::string_view field, std::string_view expected);
};

/// A file is missing, cut short, or says what it cannot mean.
class DataError : public Error {
 public:
  DataError(std::string_view file, std::string_view what);
  DataError(std::string_view file, std::size_t line, std::string_view what);
};

/// Bytes from outside are malformed; `offset` is where in the frame or message.
class WireError : public Error {
 public:
  WireError(std::size_t offset, std::string_view what);
  std::size_t offset() const { return offset_; }

 private:
  std::size_t offset_;
};

/// A peer or the network failed. `peer` is its rank, or -1 where none can be named.
class TransportError : public Error {
 public:
  TransportError(int peer, std::string_view operation, std::string_view what);
  int peer() const { return peer_; }

 private:
  int peer_;
};

/// A number turned into nonsense: a NaN loss, a residual that is not finite.
class NumericError : public Error {
 public:
  explicit NumericError(std::string_view what);
};

/// Thrown where a run ends early because a person asked for it; a checkpoint stands.
class Interrupted : public Error {
 public:
  explicit Interrupted(std::string_view what);
};

/// The nearest of `known` to a misspelt `name`, or empty if none is near.
std::string nearest_name(std::string_view name, std::span<const std::string> known);

}  // namespace laconic
