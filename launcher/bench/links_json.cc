#include "launcher/bench/links_json.h"

#include <cmath>

namespace laconic::bench {
namespace {

using Json = nlohmann::ordered_json;

Json json_of_rate(double rate) { return std::isfinite(rate) ? Json(rate) : Json(); }

}  // namespace

Json json_of(const LinkModel& links) {
  Json latencies = Json::array(), rates = Json::array(), out = Json::array(), in = Json::array();
  for (int from = 0; from < links.ranks; ++from) {
    Json latency = Json::array(), rate = Json::array();
    for (int to = 0; to < links.ranks; ++to) {
      const Link& link = links.link(from, to);
      latency.push_back(from == to ? Json() : Json(link.latency_seconds));
      rate.push_back(from == to ? Json() : json_of_rate(link.bytes_per_second));
    }
    latencies.push_back(latency), rates.push_back(rate);
    out.push_back(json_of_rate(links.out_bytes_per_second[from]));
    in.push_back(json_of_rate(links.in_bytes_per_second[from]));
  }
  return {{"ranks", links.ranks},
          {"hosts", links.hosts},
          {"latency_seconds", latencies},
          {"bytes_per_second", rates},
          {"both_ways_share", links.both_ways_share},
          {"out_bytes_per_second", out},
          {"in_bytes_per_second", in},
          {"together_bytes_per_second", json_of_rate(links.together_bytes_per_second)},
          {"packet_seconds", links.packet_seconds},
          {"message_seconds", links.message_seconds},
          {"crowd_seconds", links.crowd_seconds},
          {"row_share", links.row_share},
          {"tiny_share", links.tiny_share},
          {"shared_memory", links.shared_memory},
          {"add_bytes_per_second", json_of_rate(links.add_bytes_per_second)}};
}

}  // namespace laconic::bench
