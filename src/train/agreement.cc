#include "train/agreement.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "base/check.h"
#include "base/errors.h"

namespace laconic {
namespace {

constexpr Tag kTag{channels::control, Purpose::control};

template <typename T>
Bytes bytes_of(const T& value) {
  return std::as_bytes(std::span<const T>(&value, 1));
}
template <typename T>
MutBytes writable_bytes_of(T& value) {
  return std::as_writable_bytes(std::span<T>(&value, 1));
}

/// "rank 3", "ranks 1, 2 and 5"; long lists are cut short.
std::string ranks_text(const std::vector<int>& ranks) {
  constexpr std::size_t kNamed = 8;
  if (ranks.size() == 1) return fmt::format("rank {}", ranks[0]);
  const std::size_t named = std::min(ranks.size() - 1, kNamed);
  std::string text = "ranks ";
  for (std::size_t i = 0; i < named; ++i) text += fmt::format("{}{}", i == 0 ? "" : ", ", ranks[i]);
  return text + (ranks.size() == named + 1 ? fmt::format(" and {}", ranks.back())
                                           : fmt::format(" and {} more", ranks.size() - named));
}

}  // namespace

std::optional<std::string> describe_divergence(std::span<const std::uint64_t> hashes,
                                               std::uint64_t step) {
  std::map<std::uint64_t, int> votes;
  for (const auto hash : hashes) ++votes[hash];
  if (votes.size() <= 1) return std::nullopt;
  const auto most = *std::max_element(hashes.begin(), hashes.end(),
                                      [&](auto a, auto b) { return votes[a] < votes[b]; });
  std::vector<int> others;
  for (std::size_t rank = 0; rank < hashes.size(); ++rank)
    if (hashes[rank] != most) others.push_back(static_cast<int>(rank));
  return fmt::format("after {} steps {} {} other parameters than the rest", step,
                     ranks_text(others), others.size() == 1 ? "holds" : "hold");
}

Agreement::News Agreement::next(const Digest& mine) {
  News news;
  if (rounds_.size() == 2) conclude(news);
  if (!rounds_.empty()) collect(news);
  begin(mine);
  return news;
}

Agreement::News Agreement::drain() {
  News news;
  if (!rounds_.empty()) collect(news);
  while (!rounds_.empty()) conclude(news);
  return news;
}

void Agreement::begin(const Digest& mine) {
  Round& round = rounds_.emplace_back();
  if (!is_root()) {
    round.digests.push_back(mine);
    round.digest_tickets.push_back(transport_.post_send(0, kTag, bytes_of(round.digests[0])));
    round.verdict_tickets.push_back(
        transport_.post_receive(0, kTag, writable_bytes_of(round.verdict)));
    return;
  }
  round.digests.resize(static_cast<std::size_t>(transport_.size()));
  round.digests[0] = mine;
  for (int rank = 1; rank < transport_.size(); ++rank)
    round.digest_tickets.push_back(transport_.post_receive(
        rank, kTag, writable_bytes_of(round.digests[static_cast<std::size_t>(rank)])));
}

void Agreement::collect(News& news) {
  Round& round = rounds_.back();
  for (const Ticket ticket : round.digest_tickets) transport_.wait(ticket);
  if (!is_root()) return;

  std::vector<std::uint64_t> hashes;
  for (const Digest& digest : round.digests) {
    check(digest.step == round.digests[0].step, "ranks begin rounds after different steps");
    round.verdict.stop |= digest.stop;
    round.verdict.look |= digest.look;
    if (digest.hashed) hashes.push_back(digest.hash);
  }
  if (const auto divergence = describe_divergence(hashes, round.digests[0].step))
    divergence->copy(round.verdict.divergence.data(), round.verdict.divergence.size() - 1);
  for (int rank = 1; rank < transport_.size(); ++rank)
    round.verdict_tickets.push_back(transport_.post_send(rank, kTag, bytes_of(round.verdict)));
  news.digests.push_back(round.digests);
}

void Agreement::conclude(News& news) {
  Round& round = rounds_.front();
  for (const Ticket ticket : round.verdict_tickets) transport_.wait(ticket);
  if (round.verdict.divergence[0] != '\0')
    throw Error(ExitStatus::other, round.verdict.divergence.data());
  news.stop |= round.verdict.stop;
  news.look |= round.verdict.look;
  rounds_.pop_front();
}

}  // namespace laconic
