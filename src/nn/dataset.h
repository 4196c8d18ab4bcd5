#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

/// Labelled examples for classification, and the formats they are read from. No LibTorch here.
namespace laconic {

/// Bytes 0 to 255 stand for -1 to 1, evenly; floats for themselves. A constant scale keeps weights
/// usable without the data they came from; centred inputs learn faster than those in [0, 1].
struct Dataset {
  std::string name;
  std::vector<std::int64_t> shape;  ///< Of one example: {1, 28, 28}.
  std::uint32_t classes = 0;
  std::vector<std::uint32_t> labels;  ///< One an example, each below `classes`.
  std::variant<std::vector<std::uint8_t>, std::vector<float>>
      examples;  ///< Row-major, all of them.

  std::size_t size() const { return labels.size(); }
  std::size_t example_size() const;  ///< Elements of one example.
};

struct TrainAndTest {
  std::shared_ptr<const Dataset> train, test;
};

/// IDX, the format of MNIST; each file plain or .gz. Images [n, height, width] become examples of
/// one channel.
struct IdxOptions {
  std::filesystem::path train_images, train_labels, test_images, test_labels;
  std::uint32_t classes = 0;
};

/// NumPy arrays, version 1 to 3: examples float32 or uint8 [n, ...] ([n, height, width] become
/// examples of one channel), labels any integer type [n].
struct NpyOptions {
  std::filesystem::path train_examples, train_labels, test_examples, test_labels;
  std::uint32_t classes = 0;
};

/// Debian's dataset-fashion-mnist, or any folder with its four files.
struct FashionMnistOptions {
  std::filesystem::path path = "/usr/share/datasets/fashion-mnist";
};

using DatasetOptions = std::variant<FashionMnistOptions, IdxOptions, NpyOptions>;

/// Reads all of it. Throws DataError, naming the file: missing, cut short, longer than it says, of
/// another shape than its sibling, a label out of range, a value that is not finite.
TrainAndTest load_dataset(const DatasetOptions& options);

}  // namespace laconic
