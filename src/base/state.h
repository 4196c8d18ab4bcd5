#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

/// What a checkpoint is made of: named arrays in nested scopes, "method/momentum". Everything that
/// a bitwise-equal resume needs goes through here; where the bytes then go is src/train's business.
namespace laconic {

class StateWriter {
 public:
  StateWriter();

  /// Names inside a Scope begin with its name and a slash.
  class Scope {
   public:
    Scope(StateWriter& writer, std::string_view name);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    StateWriter& writer_;
    std::size_t outer_;
  };

  void floats(std::string_view name, Floats values);
  void u64(std::string_view name, std::span<const std::uint64_t> values);
  void u64(std::string_view name, std::uint64_t value) { u64(name, {&value, 1}); }
  void bytes(std::string_view name, Bytes values);

  /// The arrays so far as one blob; the writer may go on.
  const std::vector<std::byte>& blob() const { return blob_; }

 private:
  void entry(std::string_view name, char type, Bytes payload);
  std::string prefix_;
  std::vector<std::byte> blob_;
};

/// Reads a blob back, by name and in any order. Throws DataError where an array is missing or has
/// another type or length than asked; a malformed blob is refused when the reader is made.
class StateReader {
 public:
  /// `origin` names the file in errors. The blob is borrowed.
  StateReader(Bytes blob, std::string origin);

  class Scope {
   public:
    Scope(StateReader& reader, std::string_view name);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    StateReader& reader_;
    std::size_t outer_;
  };

  bool has(std::string_view name) const;
  void floats(std::string_view name, MutFloats into) const;
  std::vector<float> floats(std::string_view name) const;
  std::uint64_t u64(std::string_view name) const;
  std::vector<std::uint64_t> u64s(std::string_view name) const;
  std::vector<std::byte> bytes(std::string_view name) const;

 private:
  Bytes find(std::string_view name, char type) const;
  struct Entry {
    char type;
    Bytes payload;
  };
  std::string origin_, prefix_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace laconic
