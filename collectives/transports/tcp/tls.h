#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "collectives/transports/tcp.h"
#include "collectives/transports/tcp/stream.h"

namespace laconic::tcp {

/// Certificate, key and whom to trust; shared by all connections of a rank. TLS 1.3 only; each side
/// must show a certificate that the CA has signed.
class TlsContext {
 public:
  /// Throws ConfigError, naming the file that cannot be used.
  explicit TlsContext(const TcpTls& files);

  std::unique_ptr<Stream> make_stream(Socket socket, bool dialled) const;

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
  };
  std::unique_ptr<BIO_METHOD, Free> socket_bio_;
  std::unique_ptr<SSL_CTX, Free> context_;
};

}  // namespace laconic::tcp
