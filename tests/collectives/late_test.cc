#include "tests/collectives/exchange_rows.h"

namespace laconic::test {
namespace {

const Layout kLayout{{"first", 0, 30, 20}, {"second", 600, 400, 1}};
constexpr std::size_t kLength = 1000;

ExchangeOptions late(ExchangeOptions options) {
  options.bucket_bytes = 1200;
  options.late = true;
  return options;
}

std::vector<float> average(Transport& t, Exchange& exchange, std::uint64_t step) {
  auto vector = floats(t.rank(), step, kLength);
  exchange.begin(vector, {}, step_of(step));
  exchange.ready({500, 500});
  exchange.finish();
  return vector;
}

TEST(Late, GivesTheAverageOfTheStepBeforeOverlappedOrNot) {
  for (const int ranks : {1, 3, 4})
    run_ranks(make_in_process_group(ranks, {.rendezvous = true}), [&](Transport& t) {
      for (const auto& [name, options] : all_exchanges(ranks)) {
        ExchangeOptions in_time = late(options), alone = late(options);
        in_time.late = false, alone.overlap = false;
        std::vector<std::vector<float>> expected{std::vector<float>(kLength)};
        const auto plain = make_exchange(in_time, t, kLayout);
        for (std::uint64_t step = 0; step < 3; ++step) expected.push_back(average(t, *plain, step));
        for (const ExchangeOptions& of : {late(options), alone}) {
          const auto exchange = make_exchange(of, t, kLayout);
          for (std::uint64_t step = 0; step < 4; ++step) {
            const auto outcome = average(t, *exchange, step);
            EXPECT_TRUE(outcome == expected[step]) << name << " on " << ranks << ", step " << step;
            EXPECT_TRUE(exchange->feedback_norms().residual_square >= 0);
            exchange->drain();
            EXPECT_TRUE(same_on_every_rank(t, outcome));
          }
        }
      }
    });
}

TEST(Late, KeepsWhatIsPending) {
  run_ranks(make_in_process_group(3), [&](Transport& t) {
    for (const auto& [name, options] : all_exchanges(3)) {
      const auto whole = make_exchange(late(options), t, kLayout);
      for (std::uint64_t step = 0; step < 2; ++step) average(t, *whole, step);
      whole->drain();
      StateWriter writer;
      whole->save(writer);
      const auto resumed = make_exchange(late(options), t, kLayout);
      average(t, *resumed, 7);
      StateReader reader(writer.blob(), "test");
      resumed->load(reader);
      for (std::uint64_t step = 2; step < 5; ++step) {
        const auto expected = average(t, *whole, step);
        whole->drain();
        EXPECT_TRUE(average(t, *resumed, step) == expected) << name;
        resumed->drain();
      }
      std::vector<float> pending(kLength), nothing(kLength);
      resumed->release(pending);
      EXPECT_FALSE(pending == nothing) << name;
      resumed->release(nothing);
      EXPECT_TRUE(nothing == std::vector<float>(kLength)) << name;
    }
  });
}

TEST(Late, EndsTheGroupWhereItIsLeft) {
  run_ranks(make_in_process_group(2), [&](Transport& t) {
    const auto exchange = make_exchange(late({.kind = OwnerOptions{}}), t, kLayout);
    average(t, *exchange, 0);
    if (t.rank() == 1) {
      exchange->drain();
      return exchange->abandon();  // nothing is under way
    }
    exchange->drain();
  });
}

}  // namespace
}  // namespace laconic::test
