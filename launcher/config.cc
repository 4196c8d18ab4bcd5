// `laconic config`: is an experiment right, and what does it say with all its defaults?
#include "train/config.h"

#include <iostream>
#include <memory>

#include "launcher/commands.h"

namespace laconic {
namespace {

struct ConfigOptions {
  std::vector<std::filesystem::path> files;
  std::vector<std::string> overrides;
};

void add_overrides(CLI::App* sub, std::vector<std::string>& overrides) {
  sub->add_option("--set", overrides, "Set a field before; repeatable")->allow_extra_args(false);
}

}  // namespace

void add_config(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<ConfigOptions>();
  CLI::App* config = app.add_subcommand("config", "Check experiments, or show one complete");
  config->require_subcommand(1);

  CLI::App* check = config->add_subcommand("check", "Say whether experiments are right");
  check->add_option("experiments", options->files)->required();
  add_overrides(check, options->overrides);
  check->callback([options, &chosen] {
    chosen = [options] {
      for (const auto& file : options->files) {
        const Experiment experiment = read_experiment(file, options->overrides);
        for (const auto& warning : experiment.warnings)
          std::cout << file.string() << ": warning: " << warning << "\n";
        std::cout << file.string() << ": ok\n";
      }
      return ExitStatus::done;
    };
  });

  CLI::App* show = config->add_subcommand("show", "Print an experiment with all its defaults");
  show->add_option("experiment", options->files)->required()->expected(1);
  add_overrides(show, options->overrides);
  show->callback([options, &chosen] {
    chosen = [options] {
      std::cout << read_experiment(options->files.at(0), options->overrides).text;
      return ExitStatus::done;
    };
  });
}

}  // namespace laconic
