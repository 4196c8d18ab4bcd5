// The section of indices in every coding.
//
//   input := coding:u8 count:u32 section
#include "compressors/wire/indices.h"
#include "base/errors.h"
#include "compressors/wire/bits.h"
#include "tests/fuzz/fuzzer.h"

namespace laconic::fuzz {
namespace {

// Longer ones say nothing new, and "all" of them takes its time.
constexpr std::size_t kMostElements = 70000;

Input seed(wire::Coding coding, std::size_t count, Bytes section) {
  Input input;
  put(input, coding);
  put(input, static_cast<std::uint32_t>(count));
  put(input, section);
  return input;
}

std::vector<std::uint32_t> every(std::size_t step, std::size_t count) {
  std::vector<std::uint32_t> indices;
  for (std::size_t i = step / 2; i < count; i += step)
    indices.push_back(static_cast<std::uint32_t>(i));
  return indices;
}

}  // namespace

void run(Bytes input) {
  const auto coding = static_cast<wire::Coding>(take<std::uint8_t>(input) % 7);
  const std::size_t count = take<std::uint32_t>(input) % (kMostElements + 1);
  try {
    wire::IndexReader reader(coding, {input, 0}, count);
    require(reader.kept() <= count, "no more indices than elements");
    std::size_t kept = 0;
    std::uint64_t least = 0;
    for (auto piece = reader.next(); !piece.empty(); piece = reader.next()) {
      for (const std::uint32_t index : piece) {
        require(index >= least && index < count, "indices ascend below the count");
        least = index + std::uint64_t{1};
      }
      kept += piece.size();
    }
    require(kept == reader.kept(), "as many indices as were announced");
  } catch (const WireError&) {
  }
}

std::vector<Input> seeds() {
  std::vector<Input> all;
  for (const std::size_t count : {1, 64, 4096, 10000, 70000})
    for (const std::size_t step : {1, 3, 40, 900}) {
      const auto indices = every(step, count);
      if (indices.empty()) continue;
      std::vector<wire::IndexPlan> plans{
          {wire::Coding::raw32, 0, 4 * indices.size()},
          {wire::Coding::bitmap, 0, wire::bytes_for_bits(count)},
          wire::plan_indices(indices.size(), count, IndexCoding::automatic)};
      if (count <= 65536) plans.push_back({wire::Coding::raw16, 0, 2 * indices.size()});
      const unsigned shift = wire::rice_shift(indices.size(), count);
      plans.push_back({wire::Coding::rice, shift, wire::rice_bytes(indices.size(), count, shift)});
      for (const wire::IndexPlan& plan : plans) {
        Input section(plan.max_bytes);
        section.resize(wire::write_indices(plan, indices, count, section));
        if (section.size() < 4096) all.push_back(seed(plan.coding, count, section));
      }
    }
  // Two blocks of 4,096 that keep three each, and a last one that keeps one.
  const std::uint32_t blocks[] = {1, 5, 4095, 4096, 5000, 8191, 8200};
  const wire::IndexPlan plan = wire::plan_block12(3, 1, 8300);
  Input section(plan.max_bytes);
  wire::write_indices(plan, blocks, 8300, section);
  all.push_back(seed(wire::Coding::block12, 8300, section));
  return all;
}

}  // namespace laconic::fuzz
