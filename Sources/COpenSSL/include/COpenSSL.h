/* OpenSSL 3 for Swift: its headers, and what they only say as macros that Swift cannot import. */
#ifndef GREYMOAT_COPENSSL_H
#define GREYMOAT_COPENSSL_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* Initialises the library without its configuration file: what the tarpit does must not hang on a file. Returns 1. */
int gm_tls_initialise(void);

/* Everything a server context of ours has in common (protocol, options, modes, no cache, no tickets). Returns 1. */
int gm_tls_apply_policy(SSL_CTX *context, long maximum_fragment);

/* SSL_CTX_add0_chain_cert: takes the certificate over on success. Returns 1. */
int gm_tls_add_chain_certificate(SSL_CTX *context, X509 *certificate);

/* Whether the error is "no PEM block here", which ends a chain. */
int gm_tls_is_end_of_pem(unsigned long error);
/* Whether the error says that a passphrase was wanted. */
int gm_tls_is_passphrase_wanted(unsigned long error);

#endif
