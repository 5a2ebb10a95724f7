#include "COpenSSL.h"

int gm_tls_initialise(void)
{
    return OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
}

int gm_tls_apply_policy(SSL_CTX *context, long maximum_fragment)
{
    /* A ticket or a cached session would be memory for strangers; renegotiation is work on their demand. */
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    return SSL_CTX_set_num_tickets(context, 0) == 1
        && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1
        && SSL_CTX_set_dh_auto(context, 1) == 1
        && SSL_CTX_set_max_send_fragment(context, maximum_fragment) == 1;
}

int gm_tls_add_chain_certificate(SSL_CTX *context, X509 *certificate)
{
    return (int)SSL_CTX_add0_chain_cert(context, certificate);
}

int gm_tls_is_end_of_pem(unsigned long error)
{
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

int gm_tls_is_passphrase_wanted(unsigned long error)
{
    return ERR_GET_LIB(error) == ERR_LIB_PEM
        && (ERR_GET_REASON(error) == PEM_R_BAD_PASSWORD_READ || ERR_GET_REASON(error) == PEM_R_PROBLEMS_GETTING_PASSWORD);
}
