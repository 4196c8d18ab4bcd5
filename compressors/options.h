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

/// What all frames share, whatever the compressor.
struct FrameOptions {
  bool checksum = true;  ///< 4 bytes of XXH3. Off where the transport checks its messages already.
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

/// Sends every value in fewer bits.
struct QuantizerOptions {
  ValueFormat values = Bf16Options{};
  /// Rounded at random such that values are right in the mean; refused where the format cannot.
  bool unbiased = false;
};

using CompressorOptions =
    std::variant<IdentityOptions, TopKOptions, RandKOptions, QuantizerOptions>;

/// Throws ConfigError, with the field's name alone ("density"), where an option is out of range.
/// Frames with and without checksum decode equally, whatever `frame` says.
std::unique_ptr<const Compressor> make_compressor(const CompressorOptions& options,
                                                  const FrameOptions& frame = {});

/// k = max(1, round(density * count)), 0 for an empty vector.
std::size_t kept_elements(double density, std::size_t count);

}  // namespace laconic
