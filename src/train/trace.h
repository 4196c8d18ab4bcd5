#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "collectives/exchange.h"
#include "collectives/transport.h"
#include "methods/oracle.h"

namespace laconic {

/// What every rank did when, for chrome://tracing or ui.perfetto.dev: a process for each rank, in
/// it the computation, the exchange, and the messages that were on their way. Of the first steps
/// after each start, since there is much of it.
class Trace {
 public:
  static constexpr std::uint64_t kSteps = 100;

  /// Collective: clocks are set by a barrier, and so agree to within a latency.
  explicit Trace(Transport& transport);

  void step(std::uint64_t index, double begin, double end);
  void gradient(std::uint64_t step, double begin, double end);
  void exchange(std::uint64_t step, const std::vector<Span>& spans);

  /// Collective; rank 0 writes. DataError if the disk will not.
  void write(const std::filesystem::path& file);

 private:
  void complete(const char* name, int lane, double begin, double end, const std::string& args);
  double microseconds(double at) const { return (at - zero_) * 1e6; }

  Transport& transport_;
  double zero_;
  std::string events_;
  std::uint64_t messages_ = 0;
};

/// Hands on to another oracle, and notes when each gradient was computed.
class TracedOracle final : public Oracle {
 public:
  TracedOracle(Oracle& inner, Trace& trace) : inner_(inner), trace_(trace) {}

  void set_step(std::uint64_t step) { step_ = step; }

  const Layout& layout() const override { return inner_.layout(); }
  void initialize(RngKey key, MutFloats x) const override { inner_.initialize(key, x); }
  std::uint64_t examples() const override { return inner_.examples(); }
  double evaluate(Floats at, const Sample& sample, MutFloats out, const ReadyFn& ready) override;
  bool has_prox() const override { return inner_.has_prox(); }
  void prox(float step, MutFloats x) const override { inner_.prox(step, x); }
  void hessian_vector(Floats at, const Sample& sample, Floats v, MutFloats out) override {
    inner_.hessian_vector(at, sample, v, out);
  }
  Constants constants() const override { return inner_.constants(); }
  Scores score(Floats at, Share share) const override { return inner_.score(at, share); }
  void save(StateWriter& writer) const override { inner_.save(writer); }
  void load(StateReader& reader) override { inner_.load(reader); }

 private:
  Oracle& inner_;
  Trace& trace_;
  std::uint64_t step_ = 0;
};

}  // namespace laconic
