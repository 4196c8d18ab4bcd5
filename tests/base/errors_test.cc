#include "base/errors.h"

#include <gtest/gtest.h>

#include <vector>

namespace laconic {
namespace {

TEST(Errors, SayWhereAndCarryTheExitStatus) {
  const ConfigError config("exchange.compressor.top_k.density", "must be in (0, 1], is 2");
  EXPECT_STREQ(config.what(), "exchange.compressor.top_k.density: must be in (0, 1], is 2");
  EXPECT_EQ(config.status(), ExitStatus::usage);
  EXPECT_STREQ(DataError("a9a", 17, "no label").what(), "a9a:17: no label");
  EXPECT_STREQ(TransportError(3, "receive", "connection reset").what(),
               "rank 3: receive: connection reset");
  EXPECT_EQ(WireError(12, "length").offset(), 12u);
}

TEST(NearestName, FindsTheTypoAndNothingFarAway) {
  const std::vector<std::string> known{"top_k", "rand_k", "identity"};
  EXPECT_EQ(nearest_name("topk", known), "top_k");
  EXPECT_EQ(nearest_name("ident1ty", known), "identity");
  EXPECT_EQ(nearest_name("powersgd", known), "");
  EXPECT_EQ(nearest_name("x", {}), "");
}

}  // namespace
}  // namespace laconic
