#include "collectives/transports/tcp/outbox.h"

#include <algorithm>

namespace laconic::tcp {

void Outbox::message(std::uint64_t ticket, Tag tag, Bytes payload) {
  messages_.push_back({FrameType::data, tag, payload, ticket});
}

void Outbox::control(FrameType type, std::vector<std::byte> payload) {
  controls_.push_back({.type = type, .tag = {}, .payload = {}, .owned = std::move(payload)});
  controls_.back().payload = controls_.back().owned;
}

FrameHeader Outbox::header_at(const Entry& entry, std::size_t offset) const {
  return {offset == 0 ? entry.type : FrameType::more, entry.tag.purpose, entry.tag.channel,
          entry.payload.size() - offset};
}

/// The queue that the next byte comes from; a segment that is begun is finished first.
std::deque<Outbox::Entry>& Outbox::next() {
  if (begun_) return begun_in_controls_ ? controls_ : messages_;
  return controls_.empty() ? messages_ : controls_;
}

std::span<const iovec> Outbox::gather() {
  segments_ = piece_count_ = 0;
  skip_ = begun_ ? begun_sent_ : 0;
  if (!cut_.empty()) add_piece(cut_);
  std::size_t entry = 0, offset = messages_.empty() ? 0 : messages_.front().done;
  const auto add_from_messages = [&] {
    const Entry& message = messages_[entry];
    add_segment(message, offset);
    offset += segment_bytes(header_at(message, offset));
    if (offset == message.payload.size()) ++entry, offset = 0;
  };
  if (begun_ && !begun_in_controls_) add_from_messages();
  for (const Entry& control : controls_)
    if (segments_ < kSegmentsAtOnce) add_segment(control, 0);
  while (segments_ < kSegmentsAtOnce && entry < messages_.size()) add_from_messages();
  return std::span(pieces_).first(piece_count_);
}

void Outbox::add_segment(const Entry& entry, std::size_t offset) {
  const FrameHeader header = header_at(entry, offset);
  headers_[segments_] = encode_header(header);
  add_piece(headers_[segments_]);
  add_piece(entry.payload.subspan(offset, segment_bytes(header)));
  ++segments_;
}

void Outbox::add_piece(Bytes bytes) {
  const std::size_t skipped = std::min(skip_, bytes.size());
  skip_ -= skipped;
  bytes = bytes.subspan(skipped);
  if (!bytes.empty())
    pieces_[piece_count_++] = {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

void Outbox::sent(std::size_t bytes, std::vector<Sent>& done) {
  const std::size_t of_cut = std::min(bytes, cut_.size());
  cut_.erase(cut_.begin(), cut_.begin() + static_cast<std::ptrdiff_t>(of_cut));
  for (bytes -= of_cut; bytes > 0;) {
    std::deque<Entry>& queue = next();
    begun_in_controls_ = &queue == &controls_;
    Entry& entry = queue.front();
    const std::size_t payload = segment_bytes(header_at(entry, entry.done));
    const std::size_t step = std::min(bytes, kHeaderBytes + payload - begun_sent_);
    bytes -= step;
    begun_sent_ += step;
    begun_ = begun_sent_ < kHeaderBytes + payload;
    if (begun_) return;
    begun_sent_ = 0;
    entry.done += payload;
    if (entry.done < entry.payload.size()) continue;
    if (entry.type == FrameType::data) done.push_back({entry.ticket, entry.payload.size()});
    queue.pop_front();
  }
}

void Outbox::cut() {
  if (begun_) {
    const Entry& entry = next().front();
    const FrameHeader header = header_at(entry, entry.done);
    const HeaderBytes head = encode_header(header);
    const Bytes payload = entry.payload.subspan(entry.done, segment_bytes(header));
    cut_.assign(head.begin(), head.end());
    cut_.insert(cut_.end(), payload.begin(), payload.end());
    cut_.erase(cut_.begin(), cut_.begin() + static_cast<std::ptrdiff_t>(begun_sent_));
  }
  begun_ = false;
  begun_sent_ = 0;
  controls_.clear();
  messages_.clear();
}

}  // namespace laconic::tcp
