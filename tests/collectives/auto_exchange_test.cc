#include "collectives/auto_exchange.h"

#include "tests/collectives/exchange_rows.h"

namespace laconic::test {
namespace {

const Layout kLayout{{"first", 0, 30, 20}, {"second", 600, 400, 1}};
constexpr std::size_t kLength = 1000;

std::vector<ExchangeOptions> some_of_each(int ranks) {
  std::vector<ExchangeOptions> allowed;
  for (const auto& [name, given] : all_exchanges(ranks)) {
    ExchangeOptions options = given;
    options.bucket_bytes = 1200;
    allowed.push_back(options);
  }
  return allowed;
}

/// Averages of a few steps, a choice before each of them.
std::vector<std::uint64_t> trace(Transport& t, AutoExchange& exchange, std::uint64_t begin,
                                 std::uint64_t end) {
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t step = begin; step < end; ++step) {
    exchange.choose(step * 7 % exchange.allowed().size());
    hashes.push_back(
        hash_of(run_step(exchange, floats(t.rank(), step, kLength), step_of(step)).average));
  }
  return hashes;
}

/// All that was averaged is what there was, whatever was chosen on the way: at the end by an
/// exchange that keeps nothing back.
TEST(AutoExchange, LosesNothingWhereAnotherIsChosen) {
  for (const int ranks : {1, 2, 4})  // integers over these are exact
    run_ranks(make_in_process_group(ranks, {.rendezvous = true}), [&](Transport& t) {
      std::vector<ExchangeOptions> allowed{{.kind = DenseOptions{}}};
      for (const ExchangeKind& kind : {ExchangeKind{GatherOptions{}}, ExchangeKind{OwnerOptions{}},
                                       ExchangeKind{StarOptions{}}})
        allowed.push_back({.kind = kind, .compressor = top_k(0.05), .bucket_bytes = 1200});
      AutoExchange exchange(allowed, t, kLayout);
      std::vector<float> applied(kLength), there(kLength);
      for (std::uint64_t step = 0; step < 9; ++step) {
        const std::size_t choice = step == 8 ? 0 : (step + 1) % allowed.size();
        exchange.choose(choice);
        const auto outcome = run_step(exchange, integers(t.rank(), step, kLength), step_of(step));
        const auto sum = sum_of_integers(ranks, step, kLength);
        for (std::size_t i = 0; i < kLength; ++i) {
          applied[i] += outcome.average[i];
          there[i] += sum[i] / static_cast<float>(ranks);
        }
        EXPECT_EQ(applied == there, choice == 0) << "others keep something back";
      }
      EXPECT_TRUE(applied == there);
    });
}

TEST(AutoExchange, LeavesTheSameBitsEverywhereAndGoesOnFromThem) {
  for (const int ranks : {2, 3, 5})
    run_ranks(make_in_process_group(ranks), [&](Transport& t) {
      const auto allowed = some_of_each(ranks);
      AutoExchange whole(allowed, t, kLayout);
      for (const std::uint64_t hash : trace(t, whole, 0, 5))
        EXPECT_EQ(from_every_rank(t, hash), std::vector<std::uint64_t>(ranks, hash));
      whole.choose(1);  // what is owed is in the state too
      StateWriter writer;
      whole.save(writer);
      const auto expected = trace(t, whole, 5, 12);

      AutoExchange resumed(allowed, t, kLayout);
      trace(t, resumed, 20, 22);  // whatever it held before
      StateReader reader(writer.blob(), "test");
      resumed.load(reader);
      EXPECT_EQ(trace(t, resumed, 5, 12), expected);

      AutoExchange others({allowed[0]}, t, kLayout);
      StateReader again(writer.blob(), "test");
      EXPECT_THROW(others.load(again), DataError);
    });
}

TEST(AutoExchange, RefusesWhatIsWrongWithAnyOfThem) {
  const auto group = make_in_process_group(1);
  EXPECT_THROW(
      AutoExchange({{.kind = DenseOptions{}}, {.kind = StarOptions{3}}}, *group[0], kLayout),
      ConfigError);
}

}  // namespace
}  // namespace laconic::test
