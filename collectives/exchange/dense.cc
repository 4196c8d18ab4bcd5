#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "collectives/allreduce.h"
#include "collectives/bucket_plan.h"
#include "collectives/exchange/kinds.h"
#include "collectives/exchange/round.h"

// Dense: nothing is compressed. Each bucket is summed by an allreduce, one after the other and in
// the order of the plan, and then divided by the number of participants. Whoever takes no part adds
// zeros. The order of addition is the algorithm's, on buckets: another bucket size, other bits.
//
// Cost: that of the allreduce, once a bucket.
namespace laconic {
namespace {

class DenseExchange final : public Exchange {
 public:
  DenseExchange(const AllreduceAlgorithm& allreduce, const ExchangeOptions& options,
                Transport& transport, const Layout& layout)
      : allreduce_(allreduce),
        tag_{options.channel, Purpose::dense},
        transport_(transport),
        buckets_(plan_buckets(layout, options.bucket_bytes)),
        round_(transport, flat_size(layout)) {}

  void begin(MutFloats vector, MutFloats sent, const Step& step) override {
    round_.begin(vector, sent, step);
  }
  void ready(Slice) noexcept override {}  // finish() does all the work so far
  void finish() override {
    finish_or_abort(transport_, round_, [&] { average(); });
  }

  void save(StateWriter&) const override {}  // keeps nothing from step to step
  void load(StateReader&) override {}
  ExchangeTimes take_times() override { return std::exchange(times_, {}); }

 private:
  void average();

  const AllreduceAlgorithm& allreduce_;
  const Tag tag_;
  Transport& transport_;
  const std::vector<Slice> buckets_;
  Round round_;
  Scratch scratch_;
  ExchangeTimes times_;
};

void DenseExchange::average() {
  const MutFloats vector = round_.vector(), sent = round_.sent();
  if (!round_.takes_part(transport_.rank())) std::fill(vector.begin(), vector.end(), 0.0f);
  if (!sent.empty()) std::copy(vector.begin(), vector.end(), sent.begin());
  const auto participants = static_cast<float>(round_.participants().size());
  Stopwatch watch;
  for (const Slice bucket : buckets_) {
    allreduce_.run(transport_, part(vector, bucket), tag_, scratch_);
    times_.wait += watch.restart();
    for (float& value : part(vector, bucket)) value /= participants;
    times_.decode += watch.restart();
  }
}

}  // namespace

std::unique_ptr<Exchange> make_dense_exchange(const DenseOptions& kind,
                                              const ExchangeOptions& options, Transport& transport,
                                              const Layout& layout) {
  return std::make_unique<DenseExchange>(find_allreduce(kind.allreduce), options, transport,
                                         layout);
}

}  // namespace laconic
