#include "collectives/transports/tcp/dial.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace laconic::tcp {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAttempt{5000};  // an address that does not even refuse
constexpr milliseconds kFirstPause{20}, kLongestPause{500};

}  // namespace

Dial::Dial(asio::io_context& io, HostPort to, std::optional<Interface> from, Connected connected)
    : io_(io),
      to_(std::move(to)),
      from_(std::move(from)),
      connected_(std::move(connected)),
      resolver_(io),
      timer_(io),
      socket_(io) {}

void Dial::start() { resolve(); }

void Dial::stop() {
  stopped_ = true;
  resolver_.cancel();
  timer_.cancel();
  ErrorCode ignored;
  socket_.close(ignored);
  connected_ = nullptr;
}

void Dial::resolve() {
  endpoints_.clear();
  next_ = 0;
  if (const auto literal = literal_address(to_.host)) {
    endpoints_ = {Endpoint(*literal, to_.port)};
    return try_next();
  }
  resolver_.async_resolve(to_.host, std::to_string(to_.port),
                          [self = shared_from_this()](const ErrorCode& error, const auto& results) {
                            if (self->stopped_) return;
                            if (error) self->last_error_ = error.message();
                            for (const auto& result : results)
                              self->endpoints_.push_back(result.endpoint());
                            self->try_next();
                          });
}

void Dial::try_next() {
  if (next_ < endpoints_.size())
    connect(endpoints_[next_++]);
  else
    again_later();
}

void Dial::connect(const Endpoint& endpoint) {
  ErrorCode error;
  socket_.close(error);
  socket_.open(endpoint.protocol(), error);
  if (!error && from_) {
    const auto local = from_->facing(endpoint.address());
    if (local)
      socket_.bind(Endpoint(*local, 0), error);
    else
      error = asio::error::address_family_not_supported;
  }
  if (error) {
    last_error_ = error.message();
    return try_next();
  }
  timer_.expires_after(kAttempt);
  timer_.async_wait([self = shared_from_this()](const ErrorCode& cancelled) {
    ErrorCode ignored;
    if (!cancelled) self->socket_.cancel(ignored);
  });
  socket_.async_connect(endpoint,
                        [self = shared_from_this()](const ErrorCode& e) { self->on_connect(e); });
}

void Dial::on_connect(const ErrorCode& error) {
  if (stopped_) return;
  timer_.cancel();
  if (error) {
    last_error_ = error == asio::error::operation_aborted ? "no answer" : error.message();
    return try_next();
  }
  stopped_ = true;
  std::exchange(connected_, nullptr)(std::move(socket_));
}

void Dial::again_later() {
  timer_.expires_after(std::min(kFirstPause * (1 << std::min(rounds_++, 10)), kLongestPause));
  timer_.async_wait([self = shared_from_this()](const ErrorCode& cancelled) {
    if (!cancelled && !self->stopped_) self->resolve();
  });
}

}  // namespace laconic::tcp
