#include "base/state.h"

#include <cstring>

#include "base/errors.h"

// A blob is a sequence of entries, little endian:
//   u32 length of the name, the name, u8 type ('f', 'u', 'b'), u64 length of the payload, the
//   payload
namespace laconic {
namespace {

template <typename T>
void append(std::vector<std::byte>& out, T value) {
  const auto raw = std::as_bytes(std::span<const T>(&value, 1));
  out.insert(out.end(), raw.begin(), raw.end());
}

/// Takes fields off the front of a blob; every length is checked against what is left.
class Cursor {
 public:
  Cursor(Bytes blob, const std::string& origin) : rest_(blob), origin_(origin) {}

  bool done() const { return rest_.empty(); }

  Bytes take(std::uint64_t count) {
    if (count > rest_.size()) throw DataError(origin_, "the saved state is cut short");
    const Bytes head = rest_.first(count);
    rest_ = rest_.subspan(count);
    return head;
  }

  template <typename T>
  T value() {
    T v;
    std::memcpy(&v, take(sizeof v).data(), sizeof v);
    return v;
  }

 private:
  Bytes rest_;
  const std::string& origin_;
};

template <typename T>
std::vector<T> as_vector(Bytes payload) {
  std::vector<T> values(payload.size() / sizeof(T));
  if (!payload.empty()) std::memcpy(values.data(), payload.data(), payload.size());
  return values;
}

}  // namespace

StateWriter::StateWriter() = default;

StateWriter::Scope::Scope(StateWriter& writer, std::string_view name)
    : writer_(writer), outer_(writer.prefix_.size()) {
  writer_.prefix_.append(name).append("/");
}
StateWriter::Scope::~Scope() { writer_.prefix_.resize(outer_); }

void StateWriter::entry(std::string_view name, char type, Bytes payload) {
  const std::string full = prefix_ + std::string(name);
  append(blob_, static_cast<std::uint32_t>(full.size()));
  const auto raw = std::as_bytes(std::span(full));
  blob_.insert(blob_.end(), raw.begin(), raw.end());
  append(blob_, type);
  append(blob_, static_cast<std::uint64_t>(payload.size()));
  blob_.insert(blob_.end(), payload.begin(), payload.end());
}

void StateWriter::floats(std::string_view name, Floats values) {
  entry(name, 'f', std::as_bytes(values));
}
void StateWriter::u64(std::string_view name, std::span<const std::uint64_t> values) {
  entry(name, 'u', std::as_bytes(values));
}
void StateWriter::bytes(std::string_view name, Bytes values) { entry(name, 'b', values); }

StateReader::StateReader(Bytes blob, std::string origin) : origin_(std::move(origin)) {
  for (Cursor cursor(blob, origin_); !cursor.done();) {
    const Bytes raw = cursor.take(cursor.value<std::uint32_t>());
    const auto type = cursor.value<char>();
    const Bytes payload = cursor.take(cursor.value<std::uint64_t>());
    const std::size_t width = type == 'f' ? sizeof(float) : type == 'u' ? sizeof(std::uint64_t) : 1;
    if (payload.size() % width != 0) throw DataError(origin_, "an array has a broken length");
    entries_[std::string(reinterpret_cast<const char*>(raw.data()), raw.size())] = {type, payload};
  }
}

StateReader::Scope::Scope(StateReader& reader, std::string_view name)
    : reader_(reader), outer_(reader.prefix_.size()) {
  reader_.prefix_.append(name).append("/");
}
StateReader::Scope::~Scope() { reader_.prefix_.resize(outer_); }

bool StateReader::has(std::string_view name) const {
  return entries_.contains(prefix_ + std::string(name));
}

Bytes StateReader::find(std::string_view name, char type) const {
  const std::string full = prefix_ + std::string(name);
  const auto found = entries_.find(full);
  if (found == entries_.end()) throw DataError(origin_, "no saved state called " + full);
  if (found->second.type != type) throw DataError(origin_, full + " has another type");
  return found->second.payload;
}

void StateReader::floats(std::string_view name, MutFloats into) const {
  const Bytes payload = find(name, 'f');
  if (payload.size() != into.size_bytes())
    throw DataError(origin_, prefix_ + std::string(name) + " holds " +
                                 std::to_string(payload.size() / sizeof(float)) + " values, not " +
                                 std::to_string(into.size()));
  if (!payload.empty()) std::memcpy(into.data(), payload.data(), payload.size());
}
std::vector<float> StateReader::floats(std::string_view name) const {
  return as_vector<float>(find(name, 'f'));
}
std::vector<std::uint64_t> StateReader::u64s(std::string_view name) const {
  return as_vector<std::uint64_t>(find(name, 'u'));
}
std::uint64_t StateReader::u64(std::string_view name) const {
  const auto values = u64s(name);
  if (values.size() != 1)
    throw DataError(origin_, prefix_ + std::string(name) + " is no single value");
  return values[0];
}
std::vector<std::byte> StateReader::bytes(std::string_view name) const {
  return as_vector<std::byte>(find(name, 'b'));
}

}  // namespace laconic
