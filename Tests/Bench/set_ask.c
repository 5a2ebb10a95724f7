/* set_ask has TABLE ADDRESS           whether the set white of `inet TABLE` holds this IPv4 address: exit status 0, else 1
 * set_ask heal TABLE ADDRESS COMMANDS runs nft COMMANDS, waits until the table is as it was (awake, all its rules, and the address
 *                                     in white), and prints {"seconds": …} from nft's end on
 * nft itself is of no use for this: nft 1.0.6 reads all elements before it answers anything about one of them or about a rule. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h> /* before <linux/netfilter.h> */
#include <err.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 30 }; /* seconds */

static struct mnl_socket *netlink_socket;
static const char *table;
static uint32_t address;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static char request[4096];

static struct nlmsghdr *question(uint16_t type, uint16_t flags)
{
    static uint32_t sequence;
    struct nlmsghdr *header = mnl_nlmsg_put_header(request);
    header->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | type;
    header->nlmsg_flags = NLM_F_REQUEST | flags;
    header->nlmsg_seq = ++sequence;
    struct nfgenmsg *rest = mnl_nlmsg_put_extra_header(header, sizeof *rest);
    rest->nfgen_family = NFPROTO_INET;
    rest->version = NFNETLINK_V0;
    return header;
}

/* -1 with the kernel's errno: what was asked for is not there, as a rule. */
static int ask(struct nlmsghdr *header, mnl_cb_t body, void *context)
{
    static char answer[65536];
    if (mnl_socket_sendto(netlink_socket, header, header->nlmsg_len) < 0)
        err(1, "netlink");
    int state = MNL_CB_OK;
    while (state == MNL_CB_OK) {
        ssize_t length = mnl_socket_recvfrom(netlink_socket, answer, sizeof answer);
        if (length < 0)
            err(1, "netlink");
        state = mnl_cb_run(answer, length, header->nlmsg_seq, mnl_socket_get_portid(netlink_socket), body, context);
    }
    return state;
}

static int count_one(const struct nlmsghdr *message, void *count)
{
    (void)message;
    ++*(int *)count;
    return MNL_CB_OK;
}

static int take_flags(const struct nlmsghdr *message, void *flags)
{
    struct nlattr *attribute;
    mnl_attr_for_each(attribute, message, sizeof(struct nfgenmsg))
        if (mnl_attr_get_type(attribute) == NFTA_TABLE_FLAGS)
            *(uint32_t *)flags = ntohl(mnl_attr_get_u32(attribute));
    return MNL_CB_OK;
}

static int is_awake(void)
{
    uint32_t flags = 0;
    struct nlmsghdr *header = question(NFT_MSG_GETTABLE, NLM_F_ACK);
    mnl_attr_put_strz(header, NFTA_TABLE_NAME, table);
    return ask(header, take_flags, &flags) >= 0 && !(flags & NFT_TABLE_F_DORMANT);
}

static int rules(void)
{
    int count = 0;
    struct nlmsghdr *header = question(NFT_MSG_GETRULE, NLM_F_DUMP);
    mnl_attr_put_strz(header, NFTA_RULE_TABLE, table);
    return ask(header, count_one, &count) < 0 ? 0 : count;
}

static int has(void)
{
    int found = 0;
    struct nlmsghdr *header = question(NFT_MSG_GETSETELEM, NLM_F_ACK);
    mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_TABLE, table);
    mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_SET, "white");
    struct nlattr *list = mnl_attr_nest_start(header, NFTA_SET_ELEM_LIST_ELEMENTS);
    struct nlattr *element = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
    struct nlattr *key = mnl_attr_nest_start(header, NFTA_SET_ELEM_KEY);
    mnl_attr_put_u32(header, NFTA_DATA_VALUE, address);
    mnl_attr_nest_end(header, key);
    mnl_attr_nest_end(header, element);
    mnl_attr_nest_end(header, list);
    return ask(header, count_one, &found) >= 0 && found;
}

static void run_nft(const char *script)
{
    pid_t child = fork();
    if (child == 0) {
        execlp("nft", "nft", script, NULL);
        err(1, "nft");
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
        errx(1, "nft %s: failed", script);
}

int main(int argc, char **argv)
{
    int heals = argc == 5 && !strcmp(argv[1], "heal");
    if (!heals && !(argc == 4 && !strcmp(argv[1], "has")))
        errx(64, "usage: set_ask has TABLE ADDRESS | heal TABLE ADDRESS SCRIPT");
    table = argv[2];
    if (inet_pton(AF_INET, argv[3], &address) != 1)
        errx(64, "%s is no IPv4 address", argv[3]);
    if (!(netlink_socket = mnl_socket_open(NETLINK_NETFILTER)) || mnl_socket_bind(netlink_socket, 0, MNL_SOCKET_AUTOPID) < 0)
        err(1, "netlink");
    if (!heals)
        return !has();
    int whole = rules();
    if (whole == 0 || !is_awake() || !has())
        errx(1, "table inet %s is not whole to begin with", table);
    run_nft(argv[4]);
    double begun = now();
    while (!(is_awake() && rules() == whole && has())) {
        if (now() - begun > PATIENCE)
            errx(1, "not healed in %d s after nft %s", PATIENCE, argv[4]);
        usleep(1000);
    }
    printf("{\"seconds\": %.4f}\n", now() - begun);
    return 0;
}
