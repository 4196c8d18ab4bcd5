#include "train/table.h"

#include <gtest/gtest.h>

#include <vector>

#include "train/units.h"

namespace laconic {
namespace {

TEST(Table, SetsRunsSideBySide) {
  Summary dense, sparse;
  dense.name = std::string("dense run");
  dense.exchange = std::string("dense, ring");
  dense.test_accuracy = 0.90123;
  dense.final_loss = 0.25;
  dense.bytes_sent_per_rank = {.dense = 1'000'000, .control = 500};
  dense.dense_bytes_per_rank = 1'000'000;
  dense.seconds = 75;
  sparse = dense;
  sparse.name = std::string("top_k");
  sparse.exchange = std::string("gather, top_k 1%");
  sparse.bytes_sent_per_rank = {.values = 20'000, .indices = 19'000, .control = 1'000};
  EXPECT_EQ(
      results_table(std::vector{dense, sparse}),
      "run        exchange          accuracy  loss   values  indices   dense  control  sent "
      "per rank  fewer than ring        time\n"
      "---------------------------------------------------------------------------------------"
      "-----------------------------------\n"
      "dense run  dense, ring        90.12 %  0.25                    1.0 MB    500 B        "
      " 1.0 MB             1.0x  1 min 15 s\n"
      "top_k      gather, top_k 1%   90.12 %  0.25  20.0 kB  19.0 kB           1.0 kB        "
      "40.0 kB            25.0x  1 min 15 s\n");
}

TEST(Table, LeavesOutWhatNobodyHas) {
  Summary s;
  s.name = std::string("quadratic");
  s.exchange = std::string("dense, ring");
  s.gap = 1.25e-6;
  EXPECT_EQ(results_table({&s, 1}),
            "run        exchange          gap   time\n"
            "---------------------------------------\n"
            "quadratic  dense, ring  1.25e-06  0.0 s\n");
}

TEST(Units, KeepThreeDigitsOrSo) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1000), "1.0 kB");
  EXPECT_EQ(bytes_text(999'960), "1.0 MB");
  EXPECT_EQ(bytes_text(12'345'678), "12.3 MB");
  EXPECT_EQ(bytes_text(5e15), "5000.0 TB");
  EXPECT_EQ(duration_text(0.04), "0.0 s");
  EXPECT_EQ(duration_text(9.96), "10 s");
  EXPECT_EQ(duration_text(59.7), "1 min 00 s");
  EXPECT_EQ(duration_text(725), "12 min 05 s");
  EXPECT_EQ(duration_text(10'921), "3 h 02 min");
}

}  // namespace
}  // namespace laconic
