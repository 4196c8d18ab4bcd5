#include "collectives/transports/tcp/tls.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"

namespace laconic::tcp {
namespace {

constexpr std::size_t kRecordBytes = 16384;  // the most that one TLS record holds

/// Records are encrypted ahead up to here and then handed to the socket together.
constexpr std::size_t kAheadBytes = 16 * kRecordBytes;

/// The first of OpenSSL's errors in this thread, in words; forgets them all.
std::string openssl_error() {
  std::string text = "no reason given";
  if (const unsigned long code = ERR_get_error(); code != 0) {
    const char* reason = ERR_reason_error_string(code);
    text = reason != nullptr ? reason : "error " + std::to_string(code);
  }
  ERR_clear_error();
  return text;
}

/// OpenSSL's records over a non-blocking socket. OpenSSL's own socket BIO would make a call of the
/// system of each record and raise SIGPIPE where the peer has gone; this one gathers records and
/// sends as the bare stream does.
class TlsStream final : public Stream {
 public:
  TlsStream(Socket socket, SSL_CTX* context, const BIO_METHOD* method, bool dialled)
      : Stream(std::move(socket)), ssl_(SSL_new(context)) {
    BIO* bio = BIO_new(method);
    if (ssl_ == nullptr || bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    dialled ? SSL_set_connect_state(ssl_.get()) : SSL_set_accept_state(ssl_.get());
  }

  Moved handshake() override {
    ERR_clear_error();
    const Moved moved = outcome(SSL_do_handshake(ssl_.get()), 0);
    if (moved.io == Io::ended) return moved;
    if (moved.io == Io::failed) {
      if (!error_.starts_with("TLS: ")) error_ = "TLS: " + error_;
      return moved;
    }
    const Moved flushed = flush();
    return flushed.io == Io::moved ? moved : flushed;
  }

  Moved read(MutBytes first, MutBytes) override {
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_read_ex(ssl_.get(), first.data(), first.size(), &count);
    return outcome(result, count);
  }

  /// Long pieces are encrypted from where they lie, short ones are copied together first.
  Moved write(std::span<const iovec> pieces) override {
    if (const Moved flushed = flush(); flushed.io != Io::moved) return flushed;
    std::size_t taken = 0;
    Bytes front;
    while (ahead_.size() < kAheadBytes) {
      const Bytes record = next_record(front, pieces);
      if (record.empty()) break;
      ERR_clear_error();
      std::size_t count = 0;
      const int result = SSL_write_ex(ssl_.get(), record.data(), record.size(), &count);
      if (result <= 0) return outcome(result, 0);  // bio_write takes all: no retries
      taken += count;
    }
    const Moved flushed = flush();
    return flushed.io == Io::failed ? flushed : Moved{Io::moved, taken};
  }

  Moved flush() override {
    while (begin_ < ahead_.size()) {
      const iovec rest{&ahead_[begin_], ahead_.size() - begin_};
      const ssize_t count = send({&rest, 1});
      if (count < 0) return errno == EAGAIN ? Moved{Io::needs_write} : failed(errno);
      begin_ += static_cast<std::size_t>(count);
    }
    ahead_.clear();
    begin_ = 0;
    return {Io::moved};
  }

  bool reads_piecemeal() const override { return true; }

  static int bio_read(BIO* bio, char* data, std::size_t size, std::size_t* count) {
    BIO_clear_retry_flags(bio);
    const ssize_t got = of(bio).receive({reinterpret_cast<std::byte*>(data), size}, {});
    if (got < 0 && errno == EAGAIN) BIO_set_retry_read(bio);
    of(bio).at_end_ = got == 0;
    *count = got > 0 ? static_cast<std::size_t>(got) : 0;
    return got > 0;
  }

  static int bio_write(BIO* bio, const char* data, std::size_t size, std::size_t* count) {
    BIO_clear_retry_flags(bio);
    auto& ahead = of(bio).ahead_;
    const auto* bytes = reinterpret_cast<const std::byte*>(data);
    ahead.insert(ahead.end(), bytes, bytes + size);
    *count = size;
    return 1;
  }

  static long bio_control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return of(bio).at_end_;
    return command == BIO_CTRL_FLUSH;
  }

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  static TlsStream& of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  Moved outcome(int result, std::size_t bytes) {
    if (result > 0) return {Io::moved, bytes};
    const int system_error = errno;
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return {Io::needs_read};
      case SSL_ERROR_WANT_WRITE:
        return {Io::needs_write};
      case SSL_ERROR_ZERO_RETURN:
        return {Io::ended};
      case SSL_ERROR_SYSCALL:
        return at_end_ ? Moved{Io::ended} : failed(system_error);
      default:
        flush();  // OpenSSL has told the peer why
        error_ = "TLS: " + reason();
        return {Io::failed};
    }
  }

  std::string reason() {
    const long verdict = SSL_get_verify_result(ssl_.get());
    std::string text = openssl_error();
    if (verdict != X509_V_OK)
      text += std::string(" (") + X509_verify_cert_error_string(verdict) + ")";
    return text;
  }

  /// The next bytes that go into one record: `front` is what is left of a piece, `pieces` follow
  /// it.
  Bytes next_record(Bytes& front, std::span<const iovec>& pieces) {
    std::size_t size = 0;
    while (size < kRecordBytes && !(front.empty() && pieces.empty())) {
      if (front.empty()) {
        front = {static_cast<const std::byte*>(pieces.front().iov_base), pieces.front().iov_len};
        pieces = pieces.subspan(1);
      }
      const Bytes now = front.first(std::min(front.size(), kRecordBytes - size));
      front = front.subspan(now.size());
      if (now.size() == kRecordBytes) return now;
      std::memcpy(&record_[size], now.data(), now.size());
      size += now.size();
    }
    return Bytes(record_).first(size);
  }

  std::unique_ptr<SSL, Free> ssl_;
  std::array<std::byte, kRecordBytes> record_;
  std::vector<std::byte> ahead_;  // records, encrypted; from begin_ on not yet with the socket
  std::size_t begin_ = 0;
  bool at_end_ = false;
};

}  // namespace

TlsContext::TlsContext(const TcpTls& files)
    : socket_bio_(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "laconic socket")),
      context_(SSL_CTX_new(TLS_method())) {
  if (socket_bio_ == nullptr || context_ == nullptr) throw std::bad_alloc();
  BIO_meth_set_read_ex(socket_bio_.get(), TlsStream::bio_read);
  BIO_meth_set_write_ex(socket_bio_.get(), TlsStream::bio_write);
  BIO_meth_set_ctrl(socket_bio_.get(), TlsStream::bio_control);

  SSL_CTX* context = context_.get();
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // Sessions are never resumed: without tickets the server has nothing to say after the handshake.
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // Our own leave frame tells an orderly end from a cut; close_notify would be said twice.
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kAheadBytes);

  const auto need = [](int result, std::string_view flag, const std::string& file) {
    if (result != 1) throw ConfigError(flag, "cannot use '" + file + "': " + openssl_error());
  };
  ERR_clear_error();
  need(SSL_CTX_load_verify_file(context, files.ca_file.c_str()), "--tls-ca", files.ca_file);
  need(SSL_CTX_use_certificate_chain_file(context, files.certificate_file.c_str()),
       "--tls-certificate", files.certificate_file);
  need(SSL_CTX_use_PrivateKey_file(context, files.key_file.c_str(), SSL_FILETYPE_PEM), "--tls-key",
       files.key_file);
  need(SSL_CTX_check_private_key(context), "--tls-key", files.key_file);
}

std::unique_ptr<Stream> TlsContext::make_stream(Socket socket, bool dialled) const {
  return std::make_unique<TlsStream>(std::move(socket), context_.get(), socket_bio_.get(), dialled);
}

}  // namespace laconic::tcp
