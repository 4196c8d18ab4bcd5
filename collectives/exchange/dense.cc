#include <algorithm>

#include "collectives/allreduce.h"
#include "collectives/exchange/kinds.h"

// Dense: nothing is compressed. Each bucket is summed by an allreduce, one after the other and in
// the order of the plan, and then divided by the number of participants. Whoever takes no part adds
// zeros. The order of addition is the algorithm's, on buckets: another bucket size, other bits.
//
// Cost: that of the allreduce, once a bucket.
namespace laconic {
namespace {

class Dense final : public Stages {
 public:
  Dense(const AllreduceAlgorithm& allreduce, std::uint16_t channel, Transport& transport)
      : allreduce_(allreduce), tag_{channel, Purpose::dense}, transport_(transport) {}

  std::size_t count() const override { return 1; }
  std::size_t in_flight() const override { return 1; }

  void run(std::size_t, Flight& flight, const Round& round) override {
    const MutFloats bucket = part(round.vector(), flight.bucket());
    if (!round.takes_part()) std::fill(bucket.begin(), bucket.end(), 0.0f);
    if (!round.sent().empty())
      std::copy(bucket.begin(), bucket.end(), part(round.sent(), flight.bucket()).begin());
    {
      const auto timed = flight.time(Activity::wait);
      allreduce_.run(transport_, bucket, tag_, scratch_);
    }
    const auto timed = flight.time(Activity::decode);
    const auto participants = static_cast<float>(round.participants().size());
    for (float& value : bucket) value /= participants;
  }

  void save(StateWriter&) const override {}  // keeps nothing from step to step
  void load(StateReader&) override {}
  void release(MutFloats) override {}

 private:
  const AllreduceAlgorithm& allreduce_;
  const Tag tag_;
  Transport& transport_;
  Scratch scratch_;
};

}  // namespace

std::unique_ptr<Stages> make_dense(const DenseOptions& kind, const ExchangeOptions& options,
                                   Transport& transport) {
  return std::make_unique<Dense>(find_allreduce(kind.allreduce), options.channel, transport);
}

}  // namespace laconic
