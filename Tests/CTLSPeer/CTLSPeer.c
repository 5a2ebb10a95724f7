#define _GNU_SOURCE
#include "CTLSPeer.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

static char *take_text(BIO *bio)
{
    char *bytes;
    long count = BIO_get_mem_data(bio, &bytes);
    char *text = malloc(count + 1);
    memcpy(text, bytes, count);
    text[count] = 0;
    BIO_free(bio);
    return text;
}

int gm_make_certificate(int kind, long not_before, long not_after, const char *passphrase, char **certificate, char **key)
{
    EVP_PKEY *pair = kind == GM_KEY_ECDSA_P256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(kind == GM_KEY_RSA_2048 ? 2048 : 512);
    X509 *x509 = X509_new();
    if (!pair || !x509)
        return 0;
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), not_before);
    X509_gmtime_adj(X509_getm_notAfter(x509), not_after);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC, (const unsigned char *)"mx.example.org", -1, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(x509));
    X509_set_pubkey(x509, pair);
    int ok = X509_sign(x509, pair, EVP_sha256()) > 0;
    BIO *c = BIO_new(BIO_s_mem()), *k = BIO_new(BIO_s_mem());
    ok = ok && PEM_write_bio_X509(c, x509) == 1;
    ok = ok && PEM_write_bio_PrivateKey(k, pair, passphrase ? EVP_aes_128_cbc() : NULL, (const unsigned char *)passphrase,
                   passphrase ? (int)strlen(passphrase) : 0, NULL, NULL) == 1;
    *certificate = take_text(c);
    *key = take_text(k);
    X509_free(x509);
    EVP_PKEY_free(pair);
    ERR_clear_error();
    return ok;
}

struct gm_tls_client {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;
    int tickets;
};

static int ticket_index;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void make_ticket_index(void) { ticket_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL); }

static int count_ticket(SSL *ssl, SSL_SESSION *session)
{
    gm_tls_client *client = SSL_get_ex_data(ssl, ticket_index);
    if (client && SSL_SESSION_is_resumable(session))
        client->tickets++;
    return 0;
}

gm_tls_client *gm_tls_client_new(int maximum_version)
{
    gm_tls_client *client = calloc(1, sizeof *client);
    pthread_once(&once, make_ticket_index);
    client->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(client->context, 0);
    SSL_CTX_set_min_proto_version(client->context, 0);
    if (maximum_version)
        SSL_CTX_set_max_proto_version(client->context, maximum_version);
    SSL_CTX_set_session_cache_mode(client->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(client->context, count_ticket);
    client->ssl = SSL_new(client->context);
    SSL_set_ex_data(client->ssl, ticket_index, client);
    client->in = BIO_new(BIO_s_mem());
    client->out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(client->in, -1);
    SSL_set_bio(client->ssl, client->in, client->out);
    SSL_set_connect_state(client->ssl);
    return client;
}

void gm_tls_client_free(gm_tls_client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    free(client);
    ERR_clear_error();
}

void gm_tls_client_feed(gm_tls_client *client, const void *bytes, size_t count)
{
    if (count > 0)
        BIO_write(client->in, bytes, (int)count);
}

static int again(gm_tls_client *client, int result)
{
    int error = SSL_get_error(client->ssl, result);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

int gm_tls_client_handshake(gm_tls_client *client)
{
    ERR_clear_error();
    int result = SSL_do_handshake(client->ssl);
    return result == 1 ? 1 : again(client, result) ? 0 : -1;
}

size_t gm_tls_client_take(gm_tls_client *client, void *buffer, size_t count)
{
    int taken = BIO_read(client->out, buffer, (int)count);
    return taken > 0 ? (size_t)taken : 0;
}

long gm_tls_client_read(gm_tls_client *client, void *buffer, size_t count)
{
    ERR_clear_error();
    int result = SSL_read(client->ssl, buffer, (int)count);
    return result > 0 ? result : again(client, result) ? 0 : -1;
}

long gm_tls_client_write(gm_tls_client *client, const void *bytes, size_t count)
{
    ERR_clear_error();
    return SSL_write(client->ssl, bytes, (int)count);
}

void gm_tls_client_close(gm_tls_client *client) { SSL_shutdown(client->ssl); }

int gm_tls_client_saw_close(gm_tls_client *client) { return (SSL_get_shutdown(client->ssl) & SSL_RECEIVED_SHUTDOWN) != 0; }

int gm_tls_client_renegotiate(gm_tls_client *client)
{
    ERR_clear_error();
    return SSL_renegotiate(client->ssl) == 1 && SSL_do_handshake(client->ssl) == 1;
}

int gm_tls_client_update_keys(gm_tls_client *client)
{
    return SSL_key_update(client->ssl, SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_do_handshake(client->ssl) == 1;
}

int gm_tls_client_has_ticket(gm_tls_client *client) { return client->tickets > 0; }

int gm_tls_client_chain_length(gm_tls_client *client) { return sk_X509_num(SSL_get_peer_cert_chain(client->ssl)); }

int gm_tls_reseed(void)
{
    /* The primary one first: only it asks the system; prediction resistance makes the others ask it. */
    return EVP_RAND_reseed(RAND_get0_primary(NULL), 1, NULL, 0, NULL, 0) == 1
        && EVP_RAND_reseed(RAND_get0_public(NULL), 1, NULL, 0, NULL, 0) == 1
        && EVP_RAND_reseed(RAND_get0_private(NULL), 1, NULL, 0, NULL, 0) == 1;
}

/* mallinfo(3) sees the main arena alone; malloc_info(3)'s totals come last, over all of them. */
size_t gm_allocated_bytes(void)
{
    char *text = NULL;
    size_t length = 0, fast = 0, rest = 0, mapped = 0, system = 0;
    FILE *stream = open_memstream(&text, &length);
    if (!stream)
        return 0;
    malloc_info(0, stream);
    fclose(stream);
    const char *totals = text;
    for (const char *next; (next = strstr(totals + 1, "</heap>"));)
        totals = next;
    const char *at;
    if ((at = strstr(totals, "<total type=\"fast\"")))
        sscanf(at, "<total type=\"fast\" count=\"%*u\" size=\"%zu\"", &fast);
    if ((at = strstr(totals, "<total type=\"rest\"")))
        sscanf(at, "<total type=\"rest\" count=\"%*u\" size=\"%zu\"", &rest);
    if ((at = strstr(totals, "<total type=\"mmap\"")))
        sscanf(at, "<total type=\"mmap\" count=\"%*u\" size=\"%zu\"", &mapped);
    if ((at = strstr(totals, "<system type=\"current\"")))
        sscanf(at, "<system type=\"current\" size=\"%zu\"", &system);
    free(text);
    return system + mapped - fast - rest;
}

/* ---- confinement of one thread ---- */

static atomic_long refused;

static void note_refusal(int number, siginfo_t *info, void *context)
{
    long none = 0;
    (void)number;
    atomic_compare_exchange_strong(&refused, &none, (long)info->si_syscall);
#if defined(__x86_64__)
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
    ((ucontext_t *)context)->uc_mcontext.regs[0] = -EPERM;
#endif
}

#define ALLOW(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int confine(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        /* what a session needs */
        ALLOW(getrandom), ALLOW(getpid), ALLOW(futex), ALLOW(clock_gettime),
        ALLOW(mmap), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise), ALLOW(mprotect), ALLOW(brk),
        /* what a thread needs to end and this test to report */
        ALLOW(rt_sigreturn), ALLOW(rt_sigprocmask), ALLOW(exit), ALLOW(exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
    };
    struct sock_fprog program = { .len = sizeof filter / sizeof *filter, .filter = filter };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

struct confined {
    void (*body)(void *);
    void *context;
    int entered;
};

static void *run(void *argument)
{
    struct confined *confined = argument;
    confined->entered = confine();
    if (confined->entered)
        confined->body(confined->context);
    return NULL;
}

long gm_run_confined(void (*body)(void *), void *context)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    struct confined confined = { body, context, 0 };
    struct sigaction action = { .sa_sigaction = note_refusal, .sa_flags = SA_SIGINFO }, before;
    pthread_t thread;
    pthread_mutex_lock(&one_at_a_time);
    atomic_store(&refused, 0);
    sigaction(SIGSYS, &action, &before);
    int made = pthread_create(&thread, NULL, run, &confined) == 0;
    if (made)
        pthread_join(thread, NULL);
    sigaction(SIGSYS, &before, NULL);
    pthread_mutex_unlock(&one_at_a_time);
    return made && confined.entered ? atomic_load(&refused) : -1;
}
