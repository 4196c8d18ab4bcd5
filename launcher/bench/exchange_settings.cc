#include "launcher/bench/exchange_settings.h"

#include "train/config.h"

namespace laconic::bench {

const std::vector<std::string>& useful_settings() {
  static const std::vector<std::string> settings{
      "dense { allreduce: 'ring' }",
      "dense { allreduce: 'halving_doubling' }",
      "dense { allreduce: 'star' }",
      "gather {} compressor { bf16 {} }",
      "gather {} compressor { top_k { density: 0.01 values: bf16 } }",
      "gather {} compressor { rand_k { density: 0.01 values: bf16 } }",
      "owner {} compressor { bf16 {} }",
      "owner {} compressor { sign {} }",
      "owner {} compressor { top_k { density: 0.01 values: bf16 } }",
      "sparse_doubling {} compressor { top_k { density: 0.01 values: bf16 } }",
      "hierarchical { ranks_per_node: 2 } compressor { top_k { density: 0.01 values: bf16 } }",
      "linear { power_sgd { rank: 2 } }",
      "linear { rand_k { density: 0.01 } }",
      "star {} compressor { top_k { density: 0.01 values: bf16 } }",
  };
  return settings;
}

ExchangeOptions exchange_of(const std::string& setting, std::size_t bucket_bytes) {
  ExchangeOptions options =
      parse_experiment("problem { quadratic {} } steps: 1 exchange { " + setting + " }", "exchange",
                       {})
          .exchange;
  if (setting.find("bucket_bytes") == std::string::npos) options.bucket_bytes = bucket_bytes;
  return options;
}

}  // namespace laconic::bench
