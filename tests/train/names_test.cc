#include "train/names.h"

#include <gtest/gtest.h>

namespace laconic {
namespace {

TEST(Names, SayWhatIsSent) {
  ExchangeOptions exchange;
  exchange.kind = DenseOptions{"star"};
  EXPECT_EQ(exchange_name(exchange), "dense, star");
  exchange.kind = GatherOptions{};
  exchange.compressor = TopKOptions{.density = 0.001};
  EXPECT_EQ(exchange_name(exchange), "gather, top_k 0.1%, error feedback");
  exchange.compressor = RandKOptions{.unbiased = true, .values = Bf16Options{}};
  exchange.feedback.on = false;
  EXPECT_EQ(exchange_name(exchange), "gather, rand_k (unbiased) 1% bf16");
  exchange.kind = StarOptions{};
  EXPECT_EQ(exchange_name(exchange), "star, rand_k (unbiased) 1% bf16 both ways");
  exchange.kind = OwnerOptions{};
  exchange.down = LegOptions{TopKOptions{}, {}};
  EXPECT_EQ(exchange_name(exchange),
            "owner, rand_k (unbiased) 1% bf16; down top_k 1%, error feedback");
  exchange.kind = GatherOptions{};
  exchange.compressor = QuantizerOptions{Fp8E4M3Options{}, true};
  EXPECT_EQ(exchange_name(exchange), "gather, fp8_e4m3 (unbiased)");
}

TEST(Names, SayWhatIsLearnedAndHow) {
  ClassifierProblem problem;
  problem.model = SmallCnnOptions{};
  EXPECT_EQ(problem_name(problem), "small_cnn");
  EXPECT_EQ(problem_name(QuadraticOptions{}), "quadratic");
  EXPECT_EQ(method_name(SyncSgdOptions{}), "sync_sgd");
}

}  // namespace
}  // namespace laconic
