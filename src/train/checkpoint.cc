#include "train/checkpoint.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/errors.h"
#include "base/hash.h"
#include "base/state.h"
#include "collectives/control.h"
#include "train/durable_file.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "LACONIC\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::string_view kStepPrefix = "step-";

/// The fixed part of a file, as it stands there.
struct Preamble {
  char magic[8];
  std::uint32_t version, ranks, rank, zero;
  std::uint64_t step, config_hash, blob_size;
};
static_assert(sizeof(Preamble) == 48 && std::is_trivially_copyable_v<Preamble>);

bool is_torn(Bytes file) {
  Preamble p;
  std::uint64_t hash;
  if (file.size() < sizeof p + sizeof hash) return true;
  std::memcpy(&p, file.data(), sizeof p);
  std::memcpy(&hash, file.last(sizeof hash).data(), sizeof hash);
  return kMagic != std::string_view(p.magic, sizeof p.magic) ||
         p.blob_size != file.size() - sizeof p - sizeof hash ||
         hash != hash_of(file.first(file.size() - sizeof hash));
}

std::optional<std::uint64_t> step_of(const fs::path& folder) {
  const std::string name = folder.filename();
  std::uint64_t step = 0;
  if (!name.starts_with(kStepPrefix)) return std::nullopt;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + kStepPrefix.size(), end, step);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return step;
}

std::string manifest_text(const CheckpointHeader& header) {
  return nlohmann::ordered_json{{"step", header.step},
                                {"ranks", header.ranks},
                                {"config_xxh3", fmt::format("{:016x}", header.config_hash)},
                                {"version", kVersion}}
             .dump() +
         "\n";
}

/// Every field of the manifest stands in rank 0's file too, so that it is whole if it says the
/// same.
bool is_whole(const fs::path& manifest, const CheckpointHeader& header) {
  const auto bytes = read_bytes(manifest);
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) ==
         manifest_text(header);
}

/// Why this run may not go on from a file that is whole; empty if it may.
std::string refusal(const fs::path& file, const CheckpointHeader& is,
                    const CheckpointHeader& want) {
  if (is.config_hash != want.config_hash)
    return fmt::format(
        "{} belongs to another experiment: its configuration has hash {:016x}, this "
        "one's {:016x}",
        file.string(), is.config_hash, want.config_hash);
  if (is.ranks != want.ranks)
    return fmt::format("{} belongs to a run of {} ranks, this one has {}", file.string(), is.ranks,
                       want.ranks);
  return {};
}

}  // namespace

std::vector<std::byte> encode_checkpoint(const CheckpointHeader& header, Bytes blob) {
  Preamble p{{}, kVersion,    header.ranks,       header.rank,
             0,  header.step, header.config_hash, blob.size()};
  kMagic.copy(p.magic, sizeof p.magic);
  std::vector<std::byte> file(sizeof p + blob.size() + sizeof(std::uint64_t));
  std::memcpy(file.data(), &p, sizeof p);
  if (!blob.empty()) std::memcpy(&file[sizeof p], blob.data(), blob.size());
  const std::uint64_t hash = hash_of(Bytes(file).first(sizeof p + blob.size()));
  std::memcpy(&file[sizeof p + blob.size()], &hash, sizeof hash);
  return file;
}

CheckpointFile read_checkpoint(const fs::path& path) {
  const auto bytes = read_bytes(path);
  if (is_torn(bytes)) throw DataError(path.string(), "is torn");
  Preamble p;
  std::memcpy(&p, bytes.data(), sizeof p);
  if (p.version != kVersion)
    throw DataError(path.string(),
                    fmt::format("has version {} of the format, expected {}", p.version, kVersion));
  const Bytes blob = Bytes(bytes).subspan(sizeof p, p.blob_size);
  return {{p.config_hash, p.ranks, p.rank, p.step}, {blob.begin(), blob.end()}};
}

/// What a rank finds in its folder; travels as a state blob.
struct Checkpoints::Survey {
  std::string refused;               // why the run cannot go on at all
  std::string torn;                  // the newest file that is not whole, and why
  std::vector<std::uint64_t> whole;  // steps whose own file is whole, ascending
  std::vector<std::uint64_t> saved;  // rank 0: steps that have a manifest, ascending

  std::vector<std::byte> encode() const {
    StateWriter writer;
    writer.bytes("refused", std::as_bytes(std::span(refused)));
    writer.bytes("torn", std::as_bytes(std::span(torn)));
    writer.u64("whole", whole);
    writer.u64("saved", saved);
    return writer.blob();
  }
  static Survey decode(Bytes blob) {
    const StateReader reader(blob, "survey of checkpoints");
    const auto text = [&](const char* name) {
      const auto bytes = reader.bytes(name);
      return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    return {text("refused"), text("torn"), reader.u64s("whole"), reader.u64s("saved")};
  }
  bool has(std::uint64_t step) const {
    return std::binary_search(whole.begin(), whole.end(), step);
  }
};

Checkpoints::Checkpoints(fs::path folder, std::uint64_t config_hash, std::uint32_t keep,
                         Transport& transport, Log log)
    : folder_(std::move(folder)),
      config_hash_(config_hash),
      keep_(keep),
      transport_(transport),
      log_(std::move(log)) {
  check(keep >= 2, "one checkpoint alone may be torn");
}

fs::path Checkpoints::step_folder(std::uint64_t step) const {
  return folder_ / fmt::format("{}{:08}", kStepPrefix, step);
}
fs::path Checkpoints::own_file(std::uint64_t step) const {
  return step_folder(step) / fmt::format("rank-{}.ckpt", transport_.rank());
}
fs::path Checkpoints::manifest(std::uint64_t step) const {
  return step_folder(step) / "manifest.json";
}

CheckpointHeader Checkpoints::header(std::uint64_t step) const {
  return {config_hash_, static_cast<std::uint32_t>(transport_.size()),
          static_cast<std::uint32_t>(transport_.rank()), step};
}

/// Ascending.
std::vector<std::uint64_t> Checkpoints::steps_here() const {
  std::vector<std::uint64_t> steps;
  if (fs::is_directory(folder_))
    for (const auto& entry : fs::directory_iterator(folder_))
      if (const auto step = step_of(entry.path())) steps.push_back(*step);
  std::sort(steps.begin(), steps.end());
  return steps;
}

void Checkpoints::save(std::uint64_t step, Bytes blob) {
  write_durably(own_file(step), encode_checkpoint(header(step), blob));
  barrier(transport_, channels::control);
  if (transport_.rank() == 0) write_durably(manifest(step), manifest_text(header(step)));
  barrier(transport_, channels::control);
  const auto steps = steps_here();
  const auto keep = std::min<std::size_t>(keep_, steps.size());
  for (const auto old : std::span(steps).first(steps.size() - keep)) remove(old);
}

Checkpoints::Survey Checkpoints::survey() const {
  Survey found;
  for (const auto step : steps_here()) {
    const bool saved = transport_.rank() == 0 && fs::exists(manifest(step));
    if (saved) found.saved.push_back(step);
    try {
      if (!fs::exists(own_file(step))) throw DataError(own_file(step).string(), "is missing");
      const auto is = read_checkpoint(own_file(step)).header;
      if (found.refused.empty()) found.refused = refusal(own_file(step), is, header(step));
      if (is.rank != header(step).rank || is.step != step)
        throw DataError(own_file(step).string(), "was written as another file");
      if (saved && !is_whole(manifest(step), header(step)))
        throw DataError(manifest(step).string(), "is torn");
      found.whole.push_back(step);
    } catch (const DataError& e) {
      found.torn = e.what();
    }
  }
  return found;
}

/// The newest saved step that every rank's file is whole of; none if no step was saved.
std::optional<std::uint64_t> Checkpoints::choose(std::span<const Survey> surveys) const {
  for (const Survey& s : surveys)
    if (!s.refused.empty()) throw ConfigError("--resume", s.refused);
  const auto& saved = surveys[0].saved;
  std::string flaw;  // of the newest one
  for (auto step = saved.rbegin(); step != saved.rend(); ++step) {
    const auto without = std::find_if(surveys.begin(), surveys.end(),
                                      [&](const Survey& s) { return !s.has(*step); });
    if (without == surveys.end()) {
      if (!flaw.empty() && transport_.rank() == 0)
        log_->warn("{}; going on from the checkpoint after {} steps", flaw, *step);
      return *step;
    }
    if (flaw.empty())
      flaw = without->torn.empty() ? fmt::format("rank {} has no checkpoint after {} steps",
                                                 without - surveys.begin(), *step)
                                   : without->torn;
  }
  if (!saved.empty()) throw DataError("checkpoints", "none is whole: " + flaw);
  return std::nullopt;
}

std::optional<Checkpoint> Checkpoints::load_newest() {
  std::vector<Survey> surveys;
  for (const auto& blob : allgather(transport_, survey().encode(), channels::control))
    surveys.push_back(Survey::decode(blob));
  const auto step = choose(surveys);
  for (const auto other : steps_here())
    if (!step || other > *step) remove(other);
  barrier(transport_,
          channels::control);  // nobody removes a folder that somebody else has begun to fill again
  if (!step) return std::nullopt;
  return Checkpoint{*step, read_checkpoint(own_file(*step)).blob, own_file(*step)};
}

/// The manifest goes first: without it nothing else counts. Whoever is last removes the folder.
void Checkpoints::remove(std::uint64_t step) {
  std::error_code ignored;  // what cannot be removed does no harm
  if (transport_.rank() == 0) fs::remove(manifest(step), ignored);
  fs::remove(own_file(step), ignored);
  fs::remove(own_file(step).string() + std::string(kUnfinished), ignored);
  fs::remove(step_folder(step), ignored);
}

}  // namespace laconic
