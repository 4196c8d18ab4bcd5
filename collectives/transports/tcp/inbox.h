#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/types.h"
#include "collectives/transports/tcp/frame.h"

namespace laconic::tcp {

/// One peer's byte stream, cut into frames and matched with posted receives. Knows nothing of
/// sockets: asks for bytes by room(), is told of them by filled(). A message whose receive is
/// posted goes straight from the socket to where it was asked for; one that comes ahead is kept, up
/// to a limit, after which there is no room until a receive makes some.
///
/// Until open() only the frames of the handshake are taken, afterwards all others.
class Inbox {
 public:
  /// What comes out. May call back into the inbox, drop() included.
  class Sink {
   public:
    virtual void received(std::uint64_t ticket, std::size_t bytes) = 0;
    virtual void control(FrameType type, Bytes payload) = 0;

   protected:
    ~Sink() = default;
  };

  explicit Inbox(std::size_t limit_bytes);

  void open(int peer);

  /// Where the next bytes of the stream go, in this order. No room: paused.
  struct Room {
    MutBytes first, second;
    std::size_t size() const { return first.size() + second.size(); }
  };
  Room room();

  /// Of the message that is on the wire, or 1: fewer bytes than these are worth nobody's waking up.
  std::size_t awaited() const { return part_ == Part::message ? rest_ : 1; }

  /// That many bytes of the last room() have been filled. Throws WireError for what the grammar
  /// does not allow, TransportError where a message is longer than its receive.
  void filled(std::size_t bytes, Sink& sink);

  /// Receives on a channel are served in the order posted. May end a pause.
  void post(std::uint64_t ticket, std::uint16_t channel, MutBytes into, Sink& sink);

  /// Gives all buffers back; what still comes is thrown away unread.
  void drop();

  bool paused() const { return paused_; }

 private:
  struct Posted {
    std::uint64_t ticket;
    MutBytes into;
  };
  struct Early {  // a message that nobody has asked for yet
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size;
    bool whole;
  };
  struct Channel {  // one of the two is empty
    std::deque<Posted> posted;
    std::deque<Early> early;
  };
  struct Message {  // the one on the wire
    std::uint16_t channel;
    std::size_t size;
    std::size_t done = 0;  // of whole segments
    std::byte* to = nullptr;
    std::uint64_t ticket = 0;
    Early* early = nullptr;
  };
  enum class Part { header, message, control };

  void parse(Sink& sink);
  void begin_frame(const FrameHeader& header);
  void begin_message(const FrameHeader& header);
  void claim();
  void begin_segment();
  void end_segment(Sink& sink);
  void check_fits(std::uint16_t channel, std::size_t size, MutBytes into) const;

  const std::size_t limit_;
  int peer_ = -1;  // while < 0: in the handshake
  std::map<std::uint16_t, Channel> channels_;
  std::size_t kept_ = 0;  // bytes of early messages
  std::optional<Message> message_;
  FrameType control_type_ = FrameType::heartbeat;
  std::vector<std::byte> control_;

  Part part_ = Part::header;  // what the next byte belongs to
  std::byte* to_ = nullptr;   // where it goes, unless to the stage
  std::size_t rest_ = 0;      // bytes up to the end of the segment
  bool paused_ = false;
  bool dropped_ = false;

  std::vector<std::byte> stage_;  // bytes begin_ to end_ are read but not yet understood
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace laconic::tcp
