#include <cstdio>
#include <exception>

#include "launcher/commands.h"
#include "launcher/failure.h"

namespace {

using namespace laconic;

constexpr const char* kAbout =
    "Distributed training that says as little as possible over the wire.\n"
    "  laconic train configs/quickstart_top_k.textproto --ranks 4\n"
    "  laconic launch -n 4 -- train configs/fashion_mnist_top_k.textproto";

constexpr const char* kExitStatus =
    "Exit status: 0 done; 2 bad usage or configuration; 3 data; 4 a peer or the network;\n"
    "130 interrupted (a checkpoint is written); 1 anything else. The last line on stderr says why.";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout, "laconic");
  app.footer(kExitStatus);
  app.require_subcommand(1);
  Action chosen;
  for (auto add :
       {add_train, add_launch, add_compare, add_config, add_data, add_bench, add_version})
    add(app, chosen);
  try {
    app.parse(argc, argv);
    return static_cast<int>(chosen());
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    return report_failure(ConfigError("usage", std::string(e.what()) + " (--help shows all)"));
  } catch (const std::exception& e) {
    return report_failure(e);
  }
}
