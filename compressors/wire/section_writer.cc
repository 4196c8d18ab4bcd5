#include "compressors/wire/section_writer.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "base/parallel.h"
#include "compressors/kernels/stream.h"

namespace laconic::wire {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kEnough = 4096;                // pending bytes that are passed on
constexpr std::size_t kLong = std::size_t{8} << 20;  // sections that no cache is to hold

std::size_t place_in_line(const std::byte* at) {
  return reinterpret_cast<std::uintptr_t>(at) % kLine;
}

}  // namespace

SectionWriter::SectionWriter(MutBytes out, Hasher* hasher, Scratch& scratch, int threads)
    : out_(out), hasher_(hasher), threads_(threads) {
  if (out.size() < kLong) return;
  scope_.emplace(scratch);
  stage_ = scratch.take<std::byte>(kLine + kEnough + kMostPiece).data();
  staged_ = stage_ + place_in_line(out.data());
}

std::byte* SectionWriter::next(std::size_t bytes) {
  check(bytes <= kMostPiece && bytes <= out_.size() - end_, "room for a piece of a section");
  if (pending() >= kEnough) {
    // Whole lines; what is left of one waits at the begin of the stage for what completes it.
    const std::size_t rest = staged_ == nullptr ? 0 : place_in_line(staged_ + pending());
    const std::byte* const end = first_pending() + pending();
    pass_on(pending() - rest);
    if (staged_ != nullptr) std::memmove(stage_, end - rest, rest), staged_ = stage_;
  }
  std::byte* const piece = first_pending() + pending();
  end_ += bytes;
  return piece;
}

// A part goes through the caches, where the hash finds it soon after.
void SectionWriter::write_parts(
    std::size_t bytes, const std::function<void(std::size_t i, SectionWriter& to)>& write) {
  pass_on(pending());
  const MutBytes rest = out_.subspan(end_);
  const auto part = [&](std::size_t i) {
    return rest.subspan(i * bytes, std::min(bytes, rest.size() - i * bytes));
  };
  parallel_in_order(
      threads_, (rest.size() + bytes - 1) / bytes,
      [&](std::size_t i) {
        SectionWriter to(part(i));
        write(i, to);
        to.finish();
      },
      [&](std::size_t i) {
        if (hasher_ != nullptr) hasher_->add(part(i));
      });
  done_ = end_ = out_.size();
}

void SectionWriter::finish() {
  check(end_ == out_.size(), "a whole section");
  pass_on(pending());
  if (staged_ != nullptr) kernels::end_stream();
}

void SectionWriter::pass_on(std::size_t bytes) {
  const std::byte* const from = first_pending();
  if (hasher_ != nullptr) hasher_->add({from, bytes});
  if (staged_ != nullptr) kernels::stream(from, out_.data() + done_, bytes);
  done_ += bytes;
}

}  // namespace laconic::wire
