/* Test only: certificates made on the spot, a TLS client in memory, and a thread under a seccomp filter. */
#ifndef GREYMOAT_CTLSPEER_H
#define GREYMOAT_CTLSPEER_H

#include <stddef.h>
#include <stdint.h>

enum gm_key_kind { GM_KEY_ECDSA_P256, GM_KEY_RSA_2048, GM_KEY_RSA_512 };

/* A fresh key and a self-signed certificate valid from now + not_before to now + not_after (seconds), as PEM text that
 * the caller frees. With a passphrase the key is encrypted. Returns 1. */
int gm_make_certificate(int kind, long not_before, long not_after, const char *passphrase, char **certificate, char **key);

typedef struct gm_tls_client gm_tls_client;

/* A client that offers up to `maximum_version` (0: all), verifies nothing. */
gm_tls_client *gm_tls_client_new(int maximum_version);
void gm_tls_client_free(gm_tls_client *client);
/* Gives the client what the server sent. */
void gm_tls_client_feed(gm_tls_client *client, const void *bytes, size_t count);
/* Goes on with the handshake. 1 complete, 0 needs input, -1 failed. */
int gm_tls_client_handshake(gm_tls_client *client);
/* What the client wants sent; returns the count. */
size_t gm_tls_client_take(gm_tls_client *client, void *buffer, size_t count);
long gm_tls_client_read(gm_tls_client *client, void *buffer, size_t count);
long gm_tls_client_write(gm_tls_client *client, const void *bytes, size_t count);
void gm_tls_client_close(gm_tls_client *client);
/* 1 when close_notify came. */
int gm_tls_client_saw_close(gm_tls_client *client);
/* Asks for renegotiation (TLS 1.2); 1 when the peer agreed to begin. */
int gm_tls_client_renegotiate(gm_tls_client *client);
/* Asks for new keys and for the peer's new keys (TLS 1.3). */
int gm_tls_client_update_keys(gm_tls_client *client);
/* Whether the server gave something to resume with. */
int gm_tls_client_has_ticket(gm_tls_client *client);

/* Certificates the server sent. */
int gm_tls_client_chain_length(gm_tls_client *client);

/* Takes fresh entropy from the system into the random generators of the calling thread. Returns 1. */
int gm_tls_reseed(void);

/* Runs `body` in a thread of its own that is allowed what the tarpit allows OpenSSL, and nothing that opens a file or
 * a socket. Returns the number of the first system call that was refused, 0 when none was, -1 when seccomp is missing. */
long gm_run_confined(void (*body)(void *), void *context);

/* Bytes malloc has handed out and not got back. */
size_t gm_allocated_bytes(void);

#endif
