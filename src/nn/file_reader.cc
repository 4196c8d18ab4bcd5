#include "nn/file_reader.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/errors.h"

namespace laconic {
namespace {

constexpr std::size_t kInputBytes = std::size_t{1} << 16;
constexpr std::uint64_t kFirstGrowth = std::uint64_t{1} << 20;
constexpr int kGzipOnly = 16 + MAX_WBITS;  // inflateInit2: a gzip header, no other

}  // namespace

/// A gzip file is one or more members, one after another; their contents belong together.
struct FileReader::Inflater {
  Inflater() { check(inflateInit2(&stream, kGzipOnly) == Z_OK, "zlib has no memory"); }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream stream{};
  std::array<std::byte, kInputBytes> input;
  bool between_members = false;  // where a file may end
  bool first_member = true;
};

FileReader::FileReader(std::filesystem::path path) : path_(std::move(path)) {
  if (std::filesystem::is_directory(path_)) fail("is a folder, not a file");
  errno = 0;
  file_.open(path_, std::ios::binary);
  if (!file_) fail(std::string("cannot be read: ") + std::strerror(errno));
  std::array<std::byte, 2> magic{};
  const bool gzip =
      read_plain(magic) == 2 && magic[0] == std::byte{0x1f} && magic[1] == std::byte{0x8b};
  if (gzip || path_.extension() == ".gz") inflater_ = std::make_unique<Inflater>();
  file_.clear();
  file_.seekg(0);
}

FileReader::~FileReader() = default;

void FileReader::read(MutBytes into, std::string_view what) {
  const std::size_t wanted = into.size();
  while (!into.empty()) {
    const std::size_t count = read_some(into);
    if (count == 0)
      fail("ends " + std::to_string(wanted - into.size()) + " bytes into " + std::string(what));
    into = into.subspan(count);
  }
}

std::vector<std::uint8_t> FileReader::read(std::uint64_t count, std::string_view what) {
  std::vector<std::uint8_t> bytes;
  while (bytes.size() < count) {
    const std::size_t have = bytes.size();
    bytes.resize(std::min(count, std::max<std::uint64_t>(kFirstGrowth, 2 * have)));
    for (auto rest = std::as_writable_bytes(std::span(bytes)).subspan(have); !rest.empty();) {
      const std::size_t got = read_some(rest);
      if (got == 0)
        fail("ends after " + std::to_string(bytes.size() - rest.size()) + " of the " +
             std::to_string(count) + " bytes of " + std::string(what));
      rest = rest.subspan(got);
    }
  }
  return bytes;
}

void FileReader::expect_end() {
  std::byte more;
  if (read_some({&more, 1}) != 0) fail("goes on after the end of its data");
}

void FileReader::fail(std::string_view what) const { throw DataError(path_.string(), what); }

std::size_t FileReader::read_some(MutBytes into) {
  return inflater_ ? inflate_some(into) : read_plain(into);
}

std::size_t FileReader::read_plain(MutBytes into) {
  file_.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
  if (file_.bad()) fail(std::string("cannot be read: ") + std::strerror(errno));
  return static_cast<std::size_t>(file_.gcount());
}

std::size_t FileReader::inflate_some(MutBytes into) {
  Inflater& gzip = *inflater_;
  z_stream& stream = gzip.stream;
  const auto room = static_cast<uInt>(std::min<std::size_t>(into.size(), 1u << 30));
  stream.next_out = reinterpret_cast<Bytef*>(into.data());
  stream.avail_out = room;
  while (stream.avail_out == room) {
    if (stream.avail_in == 0) {
      stream.next_in = reinterpret_cast<Bytef*>(gzip.input.data());
      stream.avail_in = static_cast<uInt>(read_plain(gzip.input));
    }
    if (stream.avail_in == 0) {
      if (gzip.between_members) return 0;
      fail("is cut short: its gzip stream has no end");
    }
    if (gzip.between_members) {
      inflateReset(&stream);
      gzip.between_members = gzip.first_member = false;
    }
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (status == Z_STREAM_END)
      gzip.between_members = true;
    else if (status != Z_OK && !gzip.first_member && stream.total_out == 0)
      fail("goes on after the end of its gzip stream");
    else if (status != Z_OK)
      fail(std::string("is no intact gzip stream: ") + (stream.msg ? stream.msg : zError(status)));
  }
  return room - stream.avail_out;
}

}  // namespace laconic
