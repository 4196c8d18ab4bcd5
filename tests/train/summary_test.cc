#include "train/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/errors.h"
#include "tests/train/ranks.h"

namespace laconic {
namespace {

Summary example() {
  Summary s;
  s.status = RunStatus::done;
  s.name = std::string("run-7");
  s.method = "sync_sgd";
  s.exchange = "gather, top_k 1%";
  s.problem = "quadratic";
  s.ranks = 4;
  s.steps = 100;
  s.steps_executed = 40;
  s.seconds = 1.5;
  s.compute_seconds = 1;
  s.exchange_seconds = 0.25;
  s.final_loss = 0.125;
  s.gap = 1e-6;
  s.bytes_sent_per_rank = {1, 2, 3, 4, 5};
  s.bytes_sent_busiest_rank = 17;
  s.bytes_received_per_rank = 15;
  s.dense_bytes_per_rank = 1ull << 60;
  s.parameters_xxh3 = 0xfedcba9876543210;
  s.parameters_xxh3_by_rank = {0xfedcba9876543210, 1};
  s.config_xxh3 = 7;
  s.peak_rss_bytes = 4096;
  s.version = "0.1.0";
  return s;
}

TEST(Summary, ComesBackFromItsFile) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "summary.json";
  write_summary(path, example());
  const Summary back = read_summary(path);
  EXPECT_EQ(to_json(back), to_json(example()));
  EXPECT_EQ(back.parameters_xxh3_by_rank, example().parameters_xxh3_by_rank);
  EXPECT_EQ(back.bytes_sent_per_rank.total(), 15u);
  EXPECT_EQ(back.gap, 1e-6);
}

TEST(Summary, WritesHashesAsHexAndTheUnknownAsNull) {
  const std::string json = to_json(example());
  EXPECT_THAT(json, testing::HasSubstr("\"parameters_xxh3\": \"fedcba9876543210\""));
  EXPECT_THAT(json, testing::HasSubstr("\"0000000000000001\""));
  EXPECT_THAT(json, testing::HasSubstr("\"test_accuracy\": null"));
  EXPECT_TRUE(std::isnan(parse_summary(json, "x").test_accuracy));
}

TEST(Summary, EveryStatusHasAName) {
  for (const auto status : {RunStatus::done, RunStatus::failed, RunStatus::interrupted}) {
    Summary s = example();
    s.status = status;
    EXPECT_EQ(parse_summary(to_json(s), "x").status, status);
  }
}

TEST(Summary, WhatIsMalformedIsRefused) {
  std::string json = to_json(example());
  EXPECT_THROW(parse_summary("", "x"), DataError);
  EXPECT_THROW(parse_summary(json.substr(0, json.size() / 2), "x"), DataError);
  EXPECT_THROW(parse_summary("{\"status\": \"done\"}", "x"), DataError);
  json[json.find("fedcba")] = 'g';
  EXPECT_THROW(parse_summary(json, "x"), DataError);
}

}  // namespace
}  // namespace laconic
