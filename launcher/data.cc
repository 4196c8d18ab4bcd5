// `laconic data`: which data sets there are, and what is in them.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <memory>

#include "launcher/commands.h"
#include "nn/dataset.h"
#include "problems/libsvm.h"

namespace laconic {
namespace {

struct DataOptions {
  FashionMnistOptions fashion_mnist;
  IdxOptions idx;
  NpyOptions npy;
  std::filesystem::path libsvm;
};

void describe(const char* part, const Dataset& data) {
  std::string shape;
  for (auto n : data.shape) shape += (shape.empty() ? "" : "x") + std::to_string(n);
  std::map<std::uint32_t, std::size_t> counts;
  for (auto label : data.labels) ++counts[label];
  fmt::print("{:<6} {:>9} examples of {}, {} classes, {} to {} of a class\n", part, data.size(),
             shape, data.classes,
             std::min_element(counts.begin(), counts.end(),
                              [](auto& a, auto& b) { return a.second < b.second; })
                 ->second,
             std::max_element(counts.begin(), counts.end(), [](auto& a, auto& b) {
               return a.second < b.second;
             })->second);
}

ExitStatus describe(const DatasetOptions& options) {
  const TrainAndTest data = load_dataset(options);
  describe("train", *data.train);
  describe("test", *data.test);
  return ExitStatus::done;
}

ExitStatus list() {
  fmt::print(
      "fashion-mnist  28x28 grey images, 10 classes; Debian's dataset-fashion-mnist\n"
      "idx            your own, in the format of MNIST, plain or .gz\n"
      "npy            your own, as NumPy arrays\n"
      "libsvm         sparse text, for regression\n"
      "text           any file, byte by byte, for adversarial training of a transformer\n"
      "In an experiment: data {{ fashion_mnist {{}} }}; configs/experiment.proto says the rest.\n");
  return ExitStatus::done;
}

}  // namespace

void add_data(CLI::App& app, Action& chosen) {
  auto o = std::make_shared<DataOptions>();
  CLI::App* data = app.add_subcommand("data", "List data sets; read one and say what is in it");
  data->require_subcommand(1);
  data->add_subcommand("list", "Which there are")->callback([&chosen] { chosen = list; });

  CLI::App* fashion = data->add_subcommand("fashion-mnist", "Read Fashion-MNIST");
  fashion->add_option("--path", o->fashion_mnist.path, "Folder with its four files")
      ->capture_default_str();
  fashion->callback([o, &chosen] { chosen = [o] { return describe(o->fashion_mnist); }; });

  CLI::App* idx = data->add_subcommand("idx", "Read data in the format of MNIST");
  idx->add_option("--train-images", o->idx.train_images)->required();
  idx->add_option("--train-labels", o->idx.train_labels)->required();
  idx->add_option("--test-images", o->idx.test_images)->required();
  idx->add_option("--test-labels", o->idx.test_labels)->required();
  idx->add_option("--classes", o->idx.classes)->required();
  idx->callback([o, &chosen] { chosen = [o] { return describe(o->idx); }; });

  CLI::App* npy = data->add_subcommand("npy", "Read data from NumPy arrays");
  npy->add_option("--train-examples", o->npy.train_examples)->required();
  npy->add_option("--train-labels", o->npy.train_labels)->required();
  npy->add_option("--test-examples", o->npy.test_examples)->required();
  npy->add_option("--test-labels", o->npy.test_labels)->required();
  npy->add_option("--classes", o->npy.classes)->required();
  npy->callback([o, &chosen] { chosen = [o] { return describe(o->npy); }; });

  CLI::App* libsvm = data->add_subcommand("libsvm", "Read a LIBSVM file");
  libsvm->add_option("path", o->libsvm)->required();
  libsvm->callback([o, &chosen] {
    chosen = [o] {
      const auto rows = load_libsvm(o->libsvm);
      fmt::print("{} examples, {} features, {} values\n", rows->rows(), rows->width,
                 rows->values.size());
      return ExitStatus::done;
    };
  });
}

}  // namespace laconic
