#include "collectives/bucket_plan.h"

#include <gtest/gtest.h>

namespace laconic::test {
namespace {

Layout layout_of(std::initializer_list<std::pair<std::size_t, std::size_t>> shapes) {
  Layout layout;
  for (const auto& [rows, columns] : shapes)
    layout.push_back({"", flat_size(layout), rows, columns});
  return layout;
}

using Plan = std::vector<Slice>;

TEST(BucketPlan, JoinsSmallTensorsFromTheLastOn) {
  const Layout layout = layout_of({{10, 1}, {20, 1}, {30, 1}, {40, 1}});
  EXPECT_EQ(plan_buckets(layout, 70 * 4), (Plan{{30, 70}, {0, 30}}));
  EXPECT_EQ(plan_buckets(layout, 69 * 4), (Plan{{60, 40}, {0, 60}}));
  EXPECT_EQ(plan_buckets(layout, 4000), (Plan{{0, 100}}));
}

TEST(BucketPlan, CutsALargeTensorAtRowsEvenly) {
  // 10 rows of 7 where 3 fit: 4 pieces of 3, 3, 2, 2 rows; its neighbours stay apart.
  const Layout layout = layout_of({{5, 1}, {10, 7}, {6, 1}});
  EXPECT_EQ(plan_buckets(layout, 21 * 4),
            (Plan{{75, 6}, {61, 14}, {47, 14}, {26, 21}, {5, 21}, {0, 5}}));
}

TEST(BucketPlan, ARowLongerThanABucketIsOneBucket) {
  EXPECT_EQ(plan_buckets(layout_of({{2, 100}}), 16), (Plan{{100, 100}, {0, 100}}));
}

TEST(BucketPlan, CoversEveryElementOnceInDescendingOrder) {
  const Layout layout = layout_of({{64, 9}, {64, 1}, {128, 576}, {0, 1}, {128, 1}, {10, 1152}});
  for (const std::size_t bytes : {4, 36, 1000, 4096, 65536, 1 << 20}) {
    std::size_t end = flat_size(layout);
    for (const Slice bucket : plan_buckets(layout, bytes)) {
      EXPECT_EQ(bucket.end(), end);
      EXPECT_GT(bucket.count, 0u);
      EXPECT_LE(bucket.count, std::max<std::size_t>(bytes / 4, 1152));
      end = bucket.begin;
    }
    EXPECT_EQ(end, 0u);
  }
  EXPECT_TRUE(plan_buckets({}, 1024).empty());
  EXPECT_TRUE(plan_buckets(layout_of({{0, 1}}), 1024).empty());
}

}  // namespace
}  // namespace laconic::test
