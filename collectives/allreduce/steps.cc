#include "collectives/allreduce/steps.h"

#include "base/check.h"

namespace laconic::allreduce {

void finish_receive(Transport& transport, Ticket receive, Floats into) {
  check(transport.wait(receive) == into.size_bytes(), "all ranks reduce vectors of one length");
}

void add(Floats summand, MutFloats sum) {
  const float* from = summand.data();
  float* to = sum.data();
  for (std::size_t i = 0; i < sum.size(); ++i) to[i] += from[i];
}

void send(Transport& transport, int to, Floats values, Tag tag) {
  transport.wait(transport.post_send(to, tag, std::as_bytes(values)));
}

void receive(Transport& transport, int from, MutFloats into, Tag tag) {
  finish_receive(transport, transport.post_receive(from, tag, std::as_writable_bytes(into)), into);
}

void send_receive(Transport& transport, int to, Floats values, int from, MutFloats into, Tag tag) {
  const Ticket receive = transport.post_receive(from, tag, std::as_writable_bytes(into));
  const Ticket send = transport.post_send(to, tag, std::as_bytes(values));
  finish_receive(transport, receive, into);
  transport.wait(send);
}

std::vector<int> others_after(int rank, int ranks) {
  std::vector<int> others;
  for (int d = 1; d < ranks; ++d) others.push_back((rank + d) % ranks);
  return others;
}

PowerOfTwo power_of_two_within(int ranks) {
  PowerOfTwo power;
  while (2 * power.value <= ranks) power = {2 * power.value, power.exponent + 1};
  return power;
}

}  // namespace laconic::allreduce
