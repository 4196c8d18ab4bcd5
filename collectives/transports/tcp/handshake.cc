#include "collectives/transports/tcp/handshake.h"

#include <algorithm>

#include "base/errors.h"

namespace laconic::tcp {
namespace {

class Writer {
 public:
  template <typename T>
  Writer& number(T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
      bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
    return *this;
  }
  Writer& text(std::string_view text, std::size_t longest) {
    text = text.substr(0, longest);
    number(static_cast<std::uint16_t>(text.size()));
    for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
    return *this;
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

bool printable(char c) { return c >= ' ' && c <= '~'; }

class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}

  template <typename T>
  T number() {
    const Bytes raw = take(sizeof(T));
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
      value = static_cast<T>(value | std::to_integer<T>(raw[i]) << (8 * i));
    return value;
  }
  std::string text(std::size_t longest) {
    const std::size_t length = number<std::uint16_t>();
    if (length > longest) throw WireError(at_, "a text is too long");
    const Bytes raw = take(length);
    return {reinterpret_cast<const char*>(raw.data()), raw.size()};
  }
  std::string name() {
    const std::size_t begin = at_;
    std::string name = text(kMaxName);
    if (!std::all_of(name.begin(), name.end(), printable))
      throw WireError(begin, "a name is not printable");
    return name;
  }
  void end() const {
    if (at_ != bytes_.size()) throw WireError(at_, "more bytes than there should be");
  }
  std::size_t left() const { return bytes_.size() - at_; }
  std::size_t offset() const { return at_; }

 private:
  Bytes take(std::size_t count) {
    if (count > left()) throw WireError(at_, "cut short");
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }

  Bytes bytes_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<std::byte> encode(const Hello& hello) {
  return Writer()
      .number(kProtocolVersion)
      .number(hello.rank)
      .number(hello.ranks)
      .number(hello.session)
      .text(hello.job, kMaxName)
      .text(hello.host, kMaxName)
      .text(hello.address, kMaxName)
      .number(hello.port)
      .take();
}

Hello decode_hello(Bytes payload) {
  Reader in(payload);
  const auto version = in.number<std::uint16_t>();
  if (version != kProtocolVersion)
    throw WireError(0, "version " + std::to_string(version) + " of the protocol, ours is " +
                           std::to_string(kProtocolVersion));
  Hello hello;
  hello.rank = in.number<std::uint32_t>();
  hello.ranks = in.number<std::uint32_t>();
  hello.session = in.number<std::uint64_t>();
  hello.job = in.name();
  hello.host = in.name();
  hello.address = in.name();
  hello.port = in.number<std::uint16_t>();
  in.end();
  return hello;
}

std::vector<std::byte> encode(const Table& table) {
  Writer out;
  out.number(table.session).number(static_cast<std::uint32_t>(table.seats.size()));
  for (const Seat& seat : table.seats)
    out.text(seat.host, kMaxName).text(seat.address, kMaxName).number(seat.port);
  return out.take();
}

Table decode_table(Bytes payload) {
  constexpr std::size_t kLeastSeat = 6;  // two empty texts and a port
  Reader in(payload);
  Table table;
  table.session = in.number<std::uint64_t>();
  const std::size_t ranks = in.number<std::uint32_t>();
  if (ranks > in.left() / kLeastSeat) throw WireError(in.offset(), "fewer seats than announced");
  table.seats.resize(ranks);
  for (Seat& seat : table.seats) {
    seat.host = in.name();
    seat.address = in.name();
    seat.port = in.number<std::uint16_t>();
  }
  in.end();
  return table;
}

std::vector<std::byte> encode(const Notice& notice) {
  return Writer().number(notice.origin).text(notice.cause, kMaxCause).take();
}

Notice decode_notice(Bytes payload) {
  Reader in(payload);
  Notice notice;
  notice.origin = in.number<std::uint32_t>();
  notice.cause = in.text(kMaxCause);
  in.end();
  std::replace_if(
      notice.cause.begin(), notice.cause.end(), [](char c) { return !printable(c); }, '?');
  return notice;
}

}  // namespace laconic::tcp
