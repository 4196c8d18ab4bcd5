// `laconic compare`: finished runs side by side.
#include <iostream>
#include <memory>

#include "launcher/commands.h"
#include "launcher/comparison.h"
#include "train/table.h"

namespace laconic {

void add_compare(CLI::App& app, Action& chosen) {
  auto runs = std::make_shared<std::vector<std::filesystem::path>>();
  CLI::App* sub = app.add_subcommand(
      "compare", "Set runs side by side; the first is what the others are measured against");
  sub->add_option("runs", *runs, "Run directories")->required();
  sub->callback([runs, &chosen] {
    chosen = [runs] {
      std::vector<Summary> summaries;
      for (const auto& run : *runs) summaries.push_back(read_summary(run / "summary.json"));
      std::cout << results_table(summaries) << "\n" << plain_reading(summaries) << std::flush;
      return ExitStatus::done;
    };
  });
}

}  // namespace laconic
