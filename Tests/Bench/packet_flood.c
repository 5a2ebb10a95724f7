/* packet_flood FIRST-SOURCE SOURCES DESTINATION RATE SECONDS: sends RATE packets a second (TCP acknowledgements to port 25 that
 * belong to no connection) from SOURCES addresses, FIRST-SOURCE and up, in turn; prints {"sent": …, "seconds": …}. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { BURST = 64 };

struct packet {
    struct iphdr ip;
    struct tcphdr tcp;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        errx(64, "usage: packet_flood FIRST-SOURCE SOURCES DESTINATION RATE SECONDS");
    struct in_addr source;
    struct sockaddr_in destination = {.sin_family = AF_INET};
    if (!inet_aton(argv[1], &source) || !inet_aton(argv[3], &destination.sin_addr))
        errx(64, "not an address");
    unsigned sources = strtoul(argv[2], NULL, 10);
    double rate = strtod(argv[4], NULL), seconds = strtod(argv[5], NULL);
    int raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    if (raw < 0)
        err(1, "raw socket");

    static struct packet packets[BURST];
    static struct iovec parts[BURST];
    static struct mmsghdr messages[BURST];
    for (int i = 0; i < BURST; i++) {
        packets[i].ip = (struct iphdr){
            .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP, .tot_len = htons(sizeof packets[i]), .daddr = destination.sin_addr.s_addr};
        packets[i].tcp = (struct tcphdr){.source = htons(40000), .dest = htons(25), .doff = 5, .ack = 1};
        parts[i] = (struct iovec){&packets[i], sizeof packets[i]};
        messages[i].msg_hdr =
            (struct msghdr){.msg_name = &destination, .msg_namelen = sizeof destination, .msg_iov = &parts[i], .msg_iovlen = 1};
    }
    unsigned long sent = 0, total = rate * seconds;
    double begun = now();
    while (sent < total) {
        double ahead = sent / rate - (now() - begun);
        if (ahead > 0) {
            struct timespec pause = {0, ahead < 0.001 ? ahead * 1e9 : 1000000};
            nanosleep(&pause, NULL);
        }
        int burst = total - sent < BURST ? (int)(total - sent) : BURST;
        for (int i = 0; i < burst; i++)
            packets[i].ip.saddr = htonl(ntohl(source.s_addr) + (sent + i) % sources);
        int done = sendmmsg(raw, messages, burst, 0);
        if (done < 0)
            err(1, "send");
        sent += done;
    }
    printf("{\"sent\": %lu, \"seconds\": %.3f}\n", sent, now() - begun);
    return 0;
}
