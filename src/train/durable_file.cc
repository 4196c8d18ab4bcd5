#include "train/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "base/errors.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, std::string_view what, int error) {
  throw DataError(path.string(), std::string(what) + ": " + std::strerror(error));
}

/// A descriptor that is closed on every way out.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags)
      : path_(path), fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (fd_ < 0) fail(path, "cannot be opened", errno);
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  void write(Bytes content) {
    while (!content.empty()) {
      const ssize_t n = ::write(fd_, content.data(), content.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail(path_, "cannot be written", errno);
      content = content.subspan(static_cast<std::size_t>(n));
    }
  }

  void sync() {
    if (::fsync(fd_) != 0) fail(path_, "cannot be synced", errno);
  }

 private:
  const fs::path& path_;
  int fd_;
};

void sync_folder(const fs::path& folder) { Descriptor(folder, O_RDONLY | O_DIRECTORY).sync(); }

/// Another rank may make the same folder at the same time.
void make_folder(const fs::path& folder) {
  if (fs::is_directory(folder)) return;
  make_folder(folder.parent_path());
  std::error_code error;
  fs::create_directory(folder, error);
  if (error && !fs::is_directory(folder)) fail(folder, "cannot be made", error.value());
  sync_folder(folder.parent_path());
}

}  // namespace

void write_durably(const fs::path& path, Bytes content) {
  const fs::path whole = fs::absolute(path);
  const fs::path unfinished = whole.string() + std::string(kUnfinished);
  make_folder(whole.parent_path());
  {
    Descriptor file(unfinished, O_WRONLY | O_CREAT | O_TRUNC);
    file.write(content);
    file.sync();
  }
  if (::rename(unfinished.c_str(), whole.c_str()) != 0) fail(path, "cannot be renamed to", errno);
  sync_folder(whole.parent_path());
}

void write_durably(const fs::path& path, std::string_view content) {
  write_durably(path, std::as_bytes(std::span(content)));
}

std::vector<std::byte> read_bytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) fail(path, "cannot be opened", errno);
  std::vector<std::byte> content(static_cast<std::size_t>(in.tellg()));
  in.seekg(0);
  if (!in.read(reinterpret_cast<char*>(content.data()),
               static_cast<std::streamsize>(content.size())))
    throw DataError(path.string(), "cannot be read");
  return content;
}

}  // namespace laconic
