#include "nn/dataset.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "base/errors.h"
#include "nn/array_file.h"

namespace laconic {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are read as they lie in files");

namespace fs = std::filesystem;
using Reader = RawArray (*)(const fs::path&);

std::string text_of(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t d : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(d);
  return text + "]";
}

/// Two dimensions are one channel of pixels.
std::vector<std::int64_t> example_shape(const RawArray& array) {
  std::vector<std::int64_t> shape(array.shape.begin() + 1, array.shape.end());
  if (shape.size() == 2) shape.insert(shape.begin(), 1);
  return shape;
}

template <typename T>
std::vector<std::uint32_t> checked_labels(const RawArray& array, const fs::path& file,
                                          std::uint32_t classes) {
  std::vector<std::uint32_t> labels(array.bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    T label;
    std::memcpy(&label, &array.bytes[i * sizeof label], sizeof label);
    if (std::cmp_less(label, 0) || std::cmp_greater_equal(label, classes))
      throw DataError(file.string(), "label " + std::to_string(label) + " of example " +
                                         std::to_string(i) + " is none of the " +
                                         std::to_string(classes) + " classes from 0");
    labels[i] = static_cast<std::uint32_t>(label);
  }
  return labels;
}

std::vector<std::uint32_t> labels_of(const RawArray& array, const fs::path& file,
                                     std::uint32_t classes) {
  if (array.shape.size() != 1)
    throw DataError(file.string(),
                    "labels must have one dimension, not " + std::to_string(array.shape.size()));
  switch (array.type) {
    case ElementType::u8:
      return checked_labels<std::uint8_t>(array, file, classes);
    case ElementType::u16:
      return checked_labels<std::uint16_t>(array, file, classes);
    case ElementType::u32:
      return checked_labels<std::uint32_t>(array, file, classes);
    case ElementType::u64:
      return checked_labels<std::uint64_t>(array, file, classes);
    case ElementType::i8:
      return checked_labels<std::int8_t>(array, file, classes);
    case ElementType::i16:
      return checked_labels<std::int16_t>(array, file, classes);
    case ElementType::i32:
      return checked_labels<std::int32_t>(array, file, classes);
    case ElementType::i64:
      return checked_labels<std::int64_t>(array, file, classes);
    case ElementType::f32:
      break;
  }
  throw DataError(file.string(), "labels must be integers, not float32");
}

std::vector<float> finite_floats(const RawArray& array, const fs::path& file) {
  std::vector<float> values(array.bytes.size() / sizeof(float));
  std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      throw DataError(file.string(),
                      "element " + std::to_string(i) + " is " + std::to_string(values[i]));
  return values;
}

std::shared_ptr<const Dataset> load(const std::string& name, Reader read, const fs::path& examples,
                                    const fs::path& labels, std::uint32_t classes) {
  RawArray array = read(examples);
  if (array.shape.size() < 2)
    throw DataError(examples.string(), "examples must have at least one dimension of their own");
  if (array.shape[0] > std::numeric_limits<std::uint32_t>::max())
    throw DataError(examples.string(), "more than 2^32 - 1 examples");

  auto set = std::make_shared<Dataset>();
  set->name = name;
  set->shape = example_shape(array);
  set->classes = classes;
  set->labels = labels_of(read(labels), labels, classes);
  if (set->labels.size() != array.shape[0])
    throw DataError(labels.string(), std::to_string(set->labels.size()) + " labels for the " +
                                         std::to_string(array.shape[0]) + " examples of " +
                                         examples.string());
  if (array.type == ElementType::u8)
    set->examples = std::move(array.bytes);
  else if (array.type == ElementType::f32)
    set->examples = finite_floats(array, examples);
  else
    throw DataError(examples.string(), "examples must be float32 or uint8");
  return set;
}

/// The four files of IdxOptions and NpyOptions, which differ in the names of their fields.
struct Files {
  fs::path train_examples, train_labels, test_examples, test_labels;
};

TrainAndTest load_both(const std::string& name, Reader read, const Files& files,
                       std::uint32_t classes) {
  if (classes < 2) throw ConfigError("data." + name + ".classes", "must be at least 2");
  const TrainAndTest sets{load(name, read, files.train_examples, files.train_labels, classes),
                          load(name, read, files.test_examples, files.test_labels, classes)};
  if (sets.test->shape != sets.train->shape)
    throw DataError(files.test_examples.string(),
                    "examples are " + text_of(sets.test->shape) + ", those of " +
                        files.train_examples.string() + " " + text_of(sets.train->shape));
  if (sets.test->examples.index() != sets.train->examples.index())
    throw DataError(
        files.test_examples.string(),
        "one of this file and " + files.train_examples.string() + " holds bytes, the other floats");
  return sets;
}

/// The plain file where there is one, as torchvision leaves it; else the .gz.
fs::path plain_or_gz(const fs::path& plain) {
  if (fs::exists(plain)) return plain;
  fs::path gz = plain;
  return gz += ".gz";
}

TrainAndTest load_from(const FashionMnistOptions& o) {
  const auto file = [&](const char* name) { return plain_or_gz(o.path / name); };
  const Files files{file("train-images-idx3-ubyte"), file("train-labels-idx1-ubyte"),
                    file("t10k-images-idx3-ubyte"), file("t10k-labels-idx1-ubyte")};
  return load_both("fashion_mnist", read_idx, files, 10);
}

TrainAndTest load_from(const IdxOptions& o) {
  return load_both("idx", read_idx, {o.train_images, o.train_labels, o.test_images, o.test_labels},
                   o.classes);
}

TrainAndTest load_from(const NpyOptions& o) {
  return load_both("npy", read_npy,
                   {o.train_examples, o.train_labels, o.test_examples, o.test_labels}, o.classes);
}

}  // namespace

std::size_t Dataset::example_size() const {
  return static_cast<std::size_t>(
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()));
}

TrainAndTest load_dataset(const DatasetOptions& options) {
  return std::visit([](const auto& o) { return load_from(o); }, options);
}

}  // namespace laconic
