// Which room may include what (docs/architecture.md). Any other door is a failure.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

/// What the includes of a room may begin with.
struct Door {
  std::string room;  // folder below the root; the longest match counts
  Names rooms;       // by the first folder in the include, or a whole header
  Names libraries;   // by the first folder in <...>, or a whole header
};

const Names kOwn = {"base",     "compressors", "collectives", "methods",
                    "problems", "train",       "federated"};

Names with(Names names, const Names& more) {
  names.insert(more.begin(), more.end());
  return names;
}

const std::vector<Door>& doors() {
  static const std::vector<Door> table{
      {"src/base", {"base"}, {"spdlog", "xxhash.h", "xxh_x86dispatch.h"}},
      {"compressors", {"base", "compressors"}, {"hwy"}},
      {"collectives", {"base", "compressors", "collectives"}, {}},
      {"collectives/transports/mpi", {"base", "compressors", "collectives"}, {"mpi.h"}},
      {"collectives/transports/tcp",
       {"base", "compressors", "collectives"},
       {"boost", "openssl", "net", "netinet"}},
      {"src/methods", {"base", "compressors", "collectives", "methods"}, {}},
      {"src/problems", {"base", "problems", "methods/oracle.h"}, {"hwy"}},
      {"src/nn",
       {"base", "nn", "methods/oracle.h"},
       {"torch", "ATen", "c10", "zlib.h", "unicode", "nlohmann"}},
      {"src/train", with(kOwn, {"nn"}), {"nlohmann"}},
      {"src/train/config", with(kOwn, {"nn", "experiment.pb.h"}), {"google"}},
      {"src/train/tensorboard", with(kOwn, {"event.pb.h"}), {"google"}},
      {"src/federated", with(kOwn, {"nn"}), {}},
      {"src/federated/messages", with(kOwn, {"nn", "messages.pb.h"}), {"google"}},
      {"launcher",
       with(kOwn, {"nn", "launcher", "experiment.pb.h"}),
       {"CLI", "nlohmann", "google"}},
      {"cluster", {"base", "cluster"}, {"linux", "net", "netinet", "arpa"}},
  };
  return table;
}

const Door* door_of(const std::string& file) {
  const Door* best = nullptr;
  for (const Door& door : doors())
    if (file.starts_with(door.room) && (best == nullptr || door.room.size() > best->room.size()))
      best = &door;
  return best;
}

bool lets_through(const Names& names, const std::string& header) {
  return names.contains(header) || names.contains(header.substr(0, header.find('/')));
}

/// Standard and POSIX headers are open to all: no folder, or sys/. So is fmt, which stands in for
/// <format>.
bool is_system(const std::string& header) {
  static const Names libraries{"mpi.h",  "zlib.h", "xxhash.h", "xxh_x86dispatch.h",
                               "nccl.h", "cuda.h"};
  return (header.find('/') == std::string::npos || header.starts_with("sys/") ||
          header.starts_with("fmt/")) &&
         !libraries.contains(header);
}

/// "line: include" of every door that is not there.
std::vector<std::string> forbidden(const fs::path& path, const std::string& name) {
  static const std::regex include(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
  std::vector<std::string> found;
  const Door* door = door_of(name);
  std::ifstream in(path);
  std::smatch match;
  for (std::string line; std::getline(in, line);) {
    if (!std::regex_search(line, match, include)) continue;
    const bool angled = match[1] == "<";
    const std::string header = match[2];
    const bool open = angled ? is_system(header) || (door && lets_through(door->libraries, header))
                             : door && lets_through(door->rooms, header);
    if (!open) found.push_back(name + ": " + line);
  }
  return found;
}

std::vector<fs::path> sources(const fs::path& root) {
  std::vector<fs::path> found;
  for (const char* top : {"src", "compressors", "collectives", "launcher", "cluster"})
    for (const auto& entry : fs::recursive_directory_iterator(root / top))
      if (const auto kind = entry.path().extension();
          kind == ".h" || kind == ".cc" || kind == ".cu")
        found.push_back(entry.path());
  return found;
}

TEST(Layering, EveryIncludeGoesThroughADoor) {
  const fs::path root = LACONIC_SOURCE_DIR;
  const auto files = sources(root);
  ASSERT_GT(files.size(), 20u);
  for (const auto& file : files)
    for (const auto& line : forbidden(file, file.lexically_relative(root).string()))
      ADD_FAILURE() << line;
}

TEST(Layering, ForbiddenDoorsAreFound) {
  const fs::path file = fs::path(testing::TempDir()) / "layering_probe.cc";
  std::ofstream(file) << "#include <vector>\n#include \"base/types.h\"\n#include \"train/loop.h\"\n"
                         "#  include <torch/torch.h>\n#include <mpi.h>\n";
  EXPECT_EQ(forbidden(file, "compressors/probe.cc").size(), 3u);
  EXPECT_EQ(forbidden(file, "src/nn/probe.cc").size(), 2u);
  EXPECT_EQ(forbidden(file, "collectives/transports/mpi.cc").size(), 2u);
  EXPECT_EQ(forbidden(file, "launcher/probe.cc").size(), 2u);
  fs::remove(file);
}

}  // namespace
