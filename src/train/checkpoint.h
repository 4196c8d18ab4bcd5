#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/log.h"
#include "base/types.h"
#include "collectives/transport.h"

/// Checkpoints: one file a rank and a manifest,
///   FOLDER/step-00000123/rank-0.ckpt ... and manifest.json
/// A step counts as saved when the manifest, which rank 0 writes once all ranks' files are durable,
/// is durable itself. Ranks may share the folder or have one each, on disks of their own.
namespace laconic {

/// What a rank's file says of itself.
struct CheckpointHeader {
  std::uint64_t config_hash = 0;  ///< Experiment::hash.
  std::uint32_t ranks = 0, rank = 0;
  std::uint64_t step = 0;  ///< Steps done.

  friend bool operator==(const CheckpointHeader&, const CheckpointHeader&) = default;
};

/// Little endian: "LACONIC\n", u32 version, u32 ranks, u32 rank, u32 0, u64 step, u64 config hash,
/// u64 length of the blob, the blob, u64 XXH3 of all before it.
std::vector<std::byte> encode_checkpoint(const CheckpointHeader& header, Bytes blob);

struct CheckpointFile {
  CheckpointHeader header;
  std::vector<std::byte> blob;
};

/// Throws DataError where the file is torn or of another version.
CheckpointFile read_checkpoint(const std::filesystem::path& path);

struct Checkpoint {
  std::uint64_t step = 0;
  std::vector<std::byte> blob;  ///< This rank's.
  std::filesystem::path file;
};

class Checkpoints {
 public:
  /// All is borrowed. `keep` complete checkpoints stay, at least 2.
  Checkpoints(std::filesystem::path folder, std::uint64_t config_hash, std::uint32_t keep,
              Transport& transport, Log log);

  /// Collective; nothing else may be under way on the control channel. Older ones go only when this
  /// one is durable.
  void save(std::uint64_t step, Bytes blob);

  /// Collective: the newest step that is complete on every rank; none if no step was ever saved.
  /// A torn one is passed over with a warning; it and whatever else is newer is removed, for the
  /// run will come there again. Throws, on every rank and with the same text, ConfigError where a
  /// checkpoint is of another experiment or number of ranks, DataError where all are torn.
  std::optional<Checkpoint> load_newest();

 private:
  struct Survey;

  std::filesystem::path step_folder(std::uint64_t step) const;
  std::filesystem::path own_file(std::uint64_t step) const;
  std::filesystem::path manifest(std::uint64_t step) const;
  CheckpointHeader header(std::uint64_t step) const;
  std::vector<std::uint64_t> steps_here() const;
  Survey survey() const;
  std::optional<std::uint64_t> choose(std::span<const Survey> surveys) const;
  void remove(std::uint64_t step);

  std::filesystem::path folder_;
  std::uint64_t config_hash_;
  std::uint32_t keep_;
  Transport& transport_;
  Log log_;
};

}  // namespace laconic
