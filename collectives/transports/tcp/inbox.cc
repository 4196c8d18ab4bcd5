#include "collectives/transports/tcp/inbox.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/errors.h"

namespace laconic::tcp {
namespace {

constexpr std::size_t kStageBytes = std::size_t{64} << 10;

/// Counted for each kept message besides its bytes, so that empty ones are limited too.
constexpr std::size_t kKeptOverhead = 64;

bool of_handshake(FrameType type) {
  return type == FrameType::hello || type == FrameType::welcome || type == FrameType::table;
}

}  // namespace

Inbox::Inbox(std::size_t limit_bytes) : limit_(limit_bytes), stage_(kStageBytes) {}

void Inbox::open(int peer) { peer_ = peer; }

Inbox::Room Inbox::room() {
  if (paused_) return {};
  const std::size_t waiting = end_ - begin_;  // at most a part of a header
  if (begin_ > 0) std::memmove(stage_.data(), stage_.data() + begin_, waiting);
  begin_ = 0, end_ = waiting;
  const MutBytes stage = MutBytes(stage_).subspan(waiting);
  if (part_ == Part::header) return {stage, {}};
  // Inside a message the next header is all that may be read ahead: what follows it belongs to the
  // message, and should not pass through the stage.
  const bool goes_on = part_ == Part::message && message_->size - message_->done > kSegmentBytes;
  return {{to_, rest_}, goes_on ? stage.first(kHeaderBytes) : stage};
}

void Inbox::filled(std::size_t bytes, Sink& sink) {
  if (dropped_) return;
  const std::size_t direct = part_ == Part::header ? 0 : std::min(bytes, rest_);
  to_ += direct, rest_ -= direct;
  end_ += bytes - direct;
  parse(sink);
}

/// Understands what is staged, until more bytes are needed or there is no place for them.
void Inbox::parse(Sink& sink) {
  while (!dropped_ && !paused_) {
    if (part_ != Part::header) {
      const std::size_t count = std::min(rest_, end_ - begin_);
      if (count > 0) std::memcpy(to_, &stage_[begin_], count);
      begin_ += count, to_ += count, rest_ -= count;
      if (rest_ > 0) return;
      end_segment(sink);
    } else {
      if (end_ - begin_ < kHeaderBytes) return;
      const FrameHeader header =
          decode_header(std::span<const std::byte, kHeaderBytes>(&stage_[begin_], kHeaderBytes));
      begin_ += kHeaderBytes;
      begin_frame(header);
    }
  }
}

void Inbox::begin_frame(const FrameHeader& header) {
  const bool handshake = peer_ < 0;
  switch (header.type) {
    case FrameType::heartbeat:
      return;
    case FrameType::data:
    case FrameType::more:
      if (handshake) throw WireError(2, "a message before the handshake is through");
      return begin_message(header);
    case FrameType::hello:
    case FrameType::welcome:
    case FrameType::table:
    case FrameType::leave:
      if (handshake != of_handshake(header.type)) throw WireError(2, "a frame out of place");
      break;
    case FrameType::abort:
      break;
  }
  control_type_ = header.type;
  control_.resize(header.length);
  part_ = Part::control;
  to_ = control_.data();
  rest_ = control_.size();
}

void Inbox::begin_message(const FrameHeader& header) {
  if (header.type == FrameType::more) {
    if (!message_ || message_->channel != header.channel ||
        message_->size - message_->done != header.length || header.length == 0)
      throw WireError(2, "a continuation that continues nothing");
    return begin_segment();
  }
  if (message_) throw WireError(2, "a message inside another");
  message_ = Message{header.channel, static_cast<std::size_t>(header.length)};
  claim();
}

/// Finds the place for message_: where a receive wants it, else of our own, else pauses.
void Inbox::claim() {
  Channel& channel = channels_[message_->channel];
  if (!channel.posted.empty()) {
    const Posted posted = channel.posted.front();
    check_fits(message_->channel, message_->size, posted.into);
    channel.posted.pop_front();
    message_->to = posted.into.data();
    message_->ticket = posted.ticket;
  } else {
    const std::size_t cost = message_->size + kKeptOverhead;
    paused_ = cost > limit_ - std::min(limit_, kept_);
    if (paused_) return;
    kept_ += cost;
    std::unique_ptr<std::byte[]> bytes(new std::byte[message_->size]);  // left uninitialised
    message_->to = bytes.get();
    channel.early.push_back({std::move(bytes), message_->size, false});
    message_->early = &channel.early.back();
  }
  begin_segment();
}

void Inbox::begin_segment() {
  part_ = Part::message;
  to_ = message_->to + message_->done;
  rest_ = std::min(kSegmentBytes, message_->size - message_->done);
}

void Inbox::end_segment(Sink& sink) {
  if (std::exchange(part_, Part::header) == Part::control)
    return sink.control(control_type_, control_);
  message_->done += std::min(kSegmentBytes, message_->size - message_->done);
  if (message_->done < message_->size) return;
  const Message message = *message_;
  message_.reset();
  if (message.early != nullptr)
    message.early->whole = true;
  else
    sink.received(message.ticket, message.size);
}

void Inbox::post(std::uint64_t ticket, std::uint16_t number, MutBytes into, Sink& sink) {
  Channel& channel = channels_[number];
  if (channel.early.empty()) {
    channel.posted.push_back({ticket, into});
  } else {
    Early& early = channel.early.front();
    check_fits(number, early.size, into);
    const bool moves_on = !early.whole && part_ == Part::message;
    const std::size_t arrived = early.whole ? early.size
                                : moves_on  ? static_cast<std::size_t>(to_ - message_->to)
                                            : message_->done;
    if (arrived > 0) std::memcpy(into.data(), early.bytes.get(), arrived);
    if (early.whole) {
      sink.received(ticket, early.size);
    } else {  // the rest goes where it belongs
      message_->to = into.data();
      message_->ticket = ticket;
      message_->early = nullptr;
      if (moves_on) to_ = message_->to + arrived;
    }
    kept_ -= early.size + kKeptOverhead;
    channel.early.pop_front();
  }
  if (!std::exchange(paused_, false)) return;
  claim();
  parse(sink);
}

void Inbox::check_fits(std::uint16_t channel, std::size_t size, MutBytes into) const {
  if (size > into.size())
    throw TransportError(peer_, "receive on channel " + std::to_string(channel),
                         "a message of " + std::to_string(size) + " bytes for a buffer of " +
                             std::to_string(into.size()));
}

void Inbox::drop() {
  channels_.clear();
  message_.reset();
  part_ = Part::header;
  begin_ = end_ = 0;
  kept_ = 0;
  paused_ = false;
  dropped_ = true;
}

}  // namespace laconic::tcp
