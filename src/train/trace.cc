#include "train/trace.h"

#include <fmt/core.h>

#include "base/clock.h"
#include "collectives/control.h"
#include "train/durable_file.h"

// The trace event format: "X" is a span on a lane, "b" and "e" are the ends of one that may overlap
// with others, "M" names things; times are microseconds.
namespace laconic {
namespace {

enum Lane { kComputation = 0, kExchange = 1 };

const char* name_of(Activity activity) {
  switch (activity) {
    case Activity::compress:
      return "compress";
    case Activity::wait:
      return "wait";
    case Activity::decode:
      return "decode";
    case Activity::send:
      return "send";
  }
  return "";
}

}  // namespace

Trace::Trace(Transport& transport) : transport_(transport) {
  barrier(transport, channels::control);
  zero_ = now();
  const int rank = transport.rank();
  events_ = fmt::format(
      R"({{"ph":"M","name":"process_name","pid":{0},"args":{{"name":"rank {0}"}}}},
{{"ph":"M","name":"thread_name","pid":{0},"tid":{1},"args":{{"name":"computation"}}}},
{{"ph":"M","name":"thread_name","pid":{0},"tid":{2},"args":{{"name":"exchange"}}}})",
      rank, int{kComputation}, int{kExchange});
}

void Trace::complete(const char* name, int lane, double begin, double end,
                     const std::string& args) {
  events_ += fmt::format(
      ",\n{{\"ph\":\"X\",\"name\":\"{}\",\"pid\":{},\"tid\":{},\"ts\":{:.3f},\"dur\":{:.3f},"
      "\"args\":{{{}}}}}",
      name, transport_.rank(), lane, microseconds(begin), (end - begin) * 1e6, args);
}

void Trace::step(std::uint64_t index, double begin, double end) {
  complete("step", kComputation, begin, end, fmt::format("\"step\":{}", index));
}

void Trace::gradient(std::uint64_t step, double begin, double end) {
  complete("gradient", kComputation, begin, end, fmt::format("\"step\":{}", step));
}

void Trace::exchange(std::uint64_t step, const std::vector<Span>& spans) {
  for (const Span& span : spans) {
    const std::string args = fmt::format("\"step\":{},\"bucket\":{}", step, span.bucket);
    if (span.activity != Activity::send) {
      complete(name_of(span.activity), kExchange, span.begin, span.end, args);
      continue;
    }
    ++messages_;
    for (const auto& [phase, at] : {std::pair{'b', span.begin}, {'e', span.end}})
      events_ += fmt::format(
          ",\n{{\"ph\":\"{}\",\"cat\":\"message\",\"name\":\"send\",\"id\":\"{}.{}\",\"pid\":{},"
          "\"tid\":{},\"ts\":{:.3f},\"args\":{{{}}}}}",
          phase, transport_.rank(), messages_, transport_.rank(), int{kExchange}, microseconds(at),
          args);
  }
}

void Trace::write(const std::filesystem::path& file) {
  const auto all =
      allgather(transport_, std::as_bytes(std::span<const char>(events_)), channels::control);
  if (transport_.rank() != 0) return;
  std::string text = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
  for (std::size_t r = 0; r < all.size(); ++r)
    text += (r == 0 ? "" : ",\n") +
            std::string(reinterpret_cast<const char*>(all[r].data()), all[r].size());
  write_durably(file, text + "\n]}\n");
}

double TracedOracle::evaluate(Floats at, const Sample& sample, MutFloats out,
                              const ReadyFn& ready) {
  const double begin = now();
  const double loss = inner_.evaluate(at, sample, out, ready);
  trace_.gradient(step_, begin, now());
  return loss;
}

}  // namespace laconic
