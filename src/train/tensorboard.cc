#include "train/tensorboard.h"

#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cmath>
#include <cstring>
#include <string>

#include "base/errors.h"

namespace laconic {
namespace {

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0u);
    table[i] = crc;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();

/// TFRecord stores checksums rotated and shifted, since the CRC of data that contains its own CRC
/// has weak spots.
std::uint32_t masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

template <typename T>
void append_raw(std::string& out, T value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out.append(raw, sizeof raw);
}

/// The wire format of protocol buffers, as far as an Event of scalars needs it.
class Message {
 public:
  Message& varint(int field, std::uint64_t value) {
    return raw_varint(static_cast<std::uint64_t>(field) << 3 | 0).raw_varint(value);
  }
  Message& fixed64(int field, double value) {
    raw_varint(static_cast<std::uint64_t>(field) << 3 | 1);
    append_raw(bytes_, value);
    return *this;
  }
  Message& text(int field, std::string_view value) {
    raw_varint(static_cast<std::uint64_t>(field) << 3 | 2).raw_varint(value.size());
    bytes_.append(value);
    return *this;
  }
  Message& fixed32(int field, float value) {
    raw_varint(static_cast<std::uint64_t>(field) << 3 | 5);
    append_raw(bytes_, value);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  Message& raw_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
    bytes_.push_back(static_cast<char>(value));
    return *this;
  }
  std::string bytes_;
};

/// Field numbers of event.proto and summary.proto.
namespace event {
constexpr int wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7;
}
namespace summary {
constexpr int value = 1;
}
namespace value {
constexpr int tag = 1, simple_value = 2;
}
namespace session_log {
constexpr int status = 1;
constexpr std::uint64_t start = 1;
}  // namespace session_log

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Message event_at(std::uint64_t step) {
  Message message;
  message.fixed64(event::wall_time, wall_time()).varint(event::step, step);
  return message;
}

/// TensorBoard reads the files of a folder in the order of their names and takes those with
/// "tfevents" in it.
std::string file_name(std::uint64_t step) {
  char host[HOST_NAME_MAX + 1] = {};
  ::gethostname(host, sizeof host - 1);
  return fmt::format("events.out.tfevents.{:010}.{:012}.{}.{}",
                     static_cast<std::uint64_t>(wall_time()), step, host, ::getpid());
}

}  // namespace

std::uint32_t crc32c(std::string_view data) {
  std::uint32_t crc = ~0u;
  for (const char c : data)
    crc = kCrcTable[(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

std::string tfrecord(std::string_view data) {
  std::string record;
  append_raw(record, static_cast<std::uint64_t>(data.size()));
  append_raw(record, masked(crc32c(record)));
  record.append(data);
  append_raw(record, masked(crc32c(data)));
  return record;
}

TensorBoard::TensorBoard(const std::filesystem::path& folder, std::uint64_t step)
    : path_(folder / file_name(step)) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw DataError(folder.string(), error.message());
  file_.reset(std::fopen(path_.c_str(), "wb"));
  if (!file_) throw DataError(path_.string(), std::strerror(errno));
  write(event_at(0).text(event::file_version, "brain.Event:2").bytes());
  // A session that starts at a step makes readers forget what older files say from there on.
  write(event_at(step + 1)
            .text(event::session_log,
                  Message().varint(session_log::status, session_log::start).bytes())
            .bytes());
  flush();
}

void TensorBoard::scalar(std::string_view tag, std::uint64_t step, double number) {
  if (std::isnan(number)) return;
  const Message one =
      Message().text(value::tag, tag).fixed32(value::simple_value, static_cast<float>(number));
  write(event_at(step)
            .text(event::summary, Message().text(summary::value, one.bytes()).bytes())
            .bytes());
}

void TensorBoard::write(std::string_view event) {
  const std::string record = tfrecord(event);
  if (std::fwrite(record.data(), 1, record.size(), file_.get()) != record.size())
    throw DataError(path_.string(), std::strerror(errno));
}

void TensorBoard::flush() {
  if (std::fflush(file_.get()) != 0) throw DataError(path_.string(), std::strerror(errno));
}

}  // namespace laconic
