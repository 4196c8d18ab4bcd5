#pragma once

#include <memory>
#include <variant>

#include "compressors/compressor.h"
#include "compressors/value_options.h"

/// One plain struct a compressor, every field with its default; one alternative in the variant, one
/// case in make_compressor, one message in experiment.proto.
namespace laconic {

/// How the indices of a sparse frame are written; automatic takes the smallest, raw32 takes 32 bits
/// each (and none where everything is kept).
enum class IndexCoding { automatic, raw32 };

/// How all frames are written and read, whatever the compressor.
struct FrameOptions {
  bool checksum = true;  ///< 4 bytes of XXH3. Off where the transport checks its messages already.
  /// That work on a vector of 1 MB or more (compressors/slices.h): the same bits, sooner.
  int threads = 1;
};

/// Sends everything.
struct IdentityOptions {};

/// Keeps the k = max(1, round(density * n)) largest magnitudes; ties go to the lowest index.
struct TopKOptions {
  double density = 0.01;  ///< Kept part of each bucket, in (0, 1].
  ValueFormat values = Float32Options{};
  IndexCoding indices = IndexCoding::automatic;
};

/// Keeps k random coordinates; the frame carries the key they come from, not the indices.
struct RandKOptions {
  double density = 0.01;  ///< As in TopKOptions.
  bool unbiased = true;   ///< Scale by n / k. Off: contractive, which error feedback wants.
  bool shared = true;     ///< All ranks draw the same coordinates.
  ValueFormat values = Float32Options{};
};

/// One random coordinate of each of k strata of n / k neighbours: Rand-k at a fixed cost.
struct StratifiedRandKOptions {
  double density = 0.01;  ///< As in TopKOptions.
  bool unbiased = true;   ///< Scale by the size of the stratum. Off: contractive.
  bool shared = true;     ///< All ranks draw the same coordinates.
  ValueFormat values = Float32Options{};
};

/// Each rank sends coordinates of its own, dealt out by a key that all share; together, all of
/// them.
struct PermKOptions {
  bool unbiased = true;  ///< Scale by the number of ranks. Off: contractive.
  ValueFormat values = Float32Options{};
  int ranks = 2;  ///< In the group; for_ranks sets it.
};

/// Keeps every magnitude from a threshold on.
struct ThresholdOptions {
  enum class RelativeTo {
    one,          ///< The threshold is absolute.
    largest,      ///< A part of the largest magnitude, at most 1.
    mean_square,  ///< A multiple of the root of the mean square; at least the largest is kept.
  };
  double at = 3;
  RelativeTo relative_to = RelativeTo::mean_square;
  ValueFormat values = Float32Options{};
};

/// Keeps equally many of each 4,096 neighbours.
struct BlockTopKOptions {
  enum class Indices {
    block12,    ///< 12 bits each, and frames of one length.
    automatic,  ///< The smallest coding.
  };
  std::size_t each = 64;  ///< Kept of a block, from 1 to 4096.
  ValueFormat values = Float32Options{};
  Indices indices = Indices::block12;
};

/// Keeps equally many coefficients of the discrete cosine transform of each 64 neighbours.
struct DctTopKOptions {
  std::size_t keep = 32;  ///< Of a block, from 1 to 64.
  ValueFormat values = Float32Options{};
};

/// Sends every value in fewer bits.
struct QuantizerOptions {
  ValueFormat values = Bf16Options{};
  /// Rounded at random such that values are right in the mean; refused where the format cannot.
  bool unbiased = false;
};

using CompressorOptions =
    std::variant<IdentityOptions, TopKOptions, RandKOptions, StratifiedRandKOptions, PermKOptions,
                 ThresholdOptions, BlockTopKOptions, DctTopKOptions, QuantizerOptions>;

/// The same for a group of so many ranks, on which what perm_k sends and promises depends.
CompressorOptions for_ranks(CompressorOptions options, int ranks);

/// Throws ConfigError, with the field's name alone ("density"), where an option is out of range.
/// Frames with and without checksum decode equally, whatever `frame` says.
std::unique_ptr<const Compressor> make_compressor(const CompressorOptions& options,
                                                  const FrameOptions& frame = {});

/// k = max(1, round(density * count)), 0 for an empty vector.
std::size_t kept_elements(double density, std::size_t count);

}  // namespace laconic
