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

#include "base/errors.h"

namespace laconic::tcp {
namespace {

constexpr std::size_t kRecordBytes = 16384;  // the most that one TLS record holds

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

/// OpenSSL's records over a non-blocking socket. OpenSSL's own socket BIO would raise SIGPIPE where
/// the peer has gone; this one sends as the bare stream does.
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
    return outcome(SSL_do_handshake(ssl_.get()), 0);
  }

  Moved read(MutBytes first, MutBytes) override {
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_read_ex(ssl_.get(), first.data(), first.size(), &count);
    return outcome(result, count);
  }

  Moved write(std::span<const iovec> pieces) override {
    if (const Moved flushed = flush(); flushed.io != Io::moved) return flushed;
    for (const iovec& piece : pieces) {
      const std::size_t count = std::min(piece.iov_len, record_.size() - size_);
      std::memcpy(&record_[size_], piece.iov_base, count);
      size_ += count;
    }
    const std::size_t taken = size_;
    const Moved flushed = flush();
    return flushed.io == Io::failed ? flushed : Moved{Io::moved, taken};
  }

  /// One record is pending at most, and OpenSSL takes a record whole or not at all.
  Moved flush() override {
    if (size_ == 0) return {Io::moved};
    ERR_clear_error();
    std::size_t count = 0;
    const Moved moved = outcome(SSL_write_ex(ssl_.get(), record_.data(), size_, &count), 0);
    if (moved.io == Io::moved) size_ = 0;
    return moved;
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
    const iovec piece{const_cast<char*>(data), size};
    const ssize_t sent = of(bio).send({&piece, 1});
    if (sent < 0 && errno == EAGAIN) BIO_set_retry_write(bio);
    *count = sent > 0 ? static_cast<std::size_t>(sent) : 0;
    return sent > 0;
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

  std::unique_ptr<SSL, Free> ssl_;
  std::array<std::byte, kRecordBytes> record_;  // taken by write(), not yet by OpenSSL
  std::size_t size_ = 0;
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
  SSL_CTX_set_default_read_buffer_len(context, 4 * kRecordBytes);

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
