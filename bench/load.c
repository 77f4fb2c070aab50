/* A DNS load that costs little itself: datagrams in batches, a bounded number of them in flight, answers counted.
 *
 *   load ADDRESS PORT SECONDS IN_FLIGHT QUERIES [PER_SECOND]
 *
 * QUERIES is a file of queries, each preceded by its length in two octets; they are sent in turn, each with an id of
 * ours. Without PER_SECOND the next query leaves as soon as an answer makes room. A query without an answer for half a
 * second is given up and counted as lost. Prints one line of JSON. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32, OCTETS_MAX = 65536, IN_FLIGHT_MAX = 4096, BUCKETS = 4096 };
#define GIVE_UP_NS 500000000LL

static uint8_t *queries[1 << 20];
static uint16_t lengths[1 << 20];
static size_t queries_count;
static int64_t sent_at[IN_FLIGHT_MAX]; /* by id; 0: the id is free */
static uint16_t free_ids[IN_FLIGHT_MAX];
static int free_count;
static uint8_t out[BATCH][2048], in[BATCH][OCTETS_MAX];
static uint64_t rcodes[16], truncated, answers, sent, lost, octets, latency[BUCKETS]; /* of 5 us each */

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void read_queries(const char *path) {
    FILE *file = fopen(path, "rb");
    uint8_t head[2];
    if (!file) die(path);
    while (queries_count < sizeof lengths / sizeof *lengths && fread(head, 1, 2, file) == 2) {
        uint16_t length = head[0] << 8 | head[1];
        if (length < 12 || length > sizeof out[0]) { fprintf(stderr, "a query of %u octets\n", length); exit(1); }
        uint8_t *query = malloc(length);
        if (!query || fread(query, 1, length, file) != length) die("queries");
        queries[queries_count] = query;
        lengths[queries_count++] = length;
    }
    fclose(file);
    if (!queries_count) { fprintf(stderr, "no queries\n"); exit(1); }
}

static int open_socket(const char *address, int port) {
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    int is_four = inet_pton(AF_INET, address, &four.sin_addr) == 1, octets_wanted = 1 << 20;
    if (!is_four && inet_pton(AF_INET6, address, &six.sin6_addr) != 1) die("address");
    int fd = socket(is_four ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets_wanted, sizeof octets_wanted);
    if (connect(fd, is_four ? (void *)&four : (void *)&six, is_four ? sizeof four : sizeof six)) die("connect");
    return fd;
}

static void send_some(int fd, int count, int64_t now) {
    static struct iovec vectors[BATCH];
    static struct mmsghdr headers[BATCH];
    static size_t next;
    if (count > free_count) count = free_count;
    if (count > BATCH) count = BATCH;
    for (int i = 0; i < count; i++) {
        uint16_t id = free_ids[--free_count];
        memcpy(out[i], queries[next], lengths[next]);
        out[i][0] = id >> 8, out[i][1] = id;
        vectors[i] = (struct iovec){out[i], lengths[next]};
        headers[i].msg_hdr.msg_iov = &vectors[i], headers[i].msg_hdr.msg_iovlen = 1;
        sent_at[id] = now;
        next = (next + 1) % queries_count;
    }
    for (int done = 0; done < count;) {
        int more = sendmmsg(fd, headers + done, count - done, 0);
        if (more < 0 && errno != ECONNREFUSED && errno != EINTR) die("sendmmsg");
        if (more > 0) done += more;
    }
    sent += count;
}

static int receive_some(int fd, int64_t now) {
    static struct iovec vectors[BATCH];
    static struct mmsghdr headers[BATCH];
    for (int i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){in[i], OCTETS_MAX};
        headers[i].msg_hdr.msg_iov = &vectors[i], headers[i].msg_hdr.msg_iovlen = 1;
    }
    int count = recvmmsg(fd, headers, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        uint16_t id = in[i][0] << 8 | in[i][1];
        if (headers[i].msg_len < 12 || id >= IN_FLIGHT_MAX || !sent_at[id]) continue;
        int64_t bucket = (now - sent_at[id]) / 5000;
        latency[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
        rcodes[in[i][3] & 15]++, truncated += in[i][2] >> 1 & 1, octets += headers[i].msg_len, answers++;
        sent_at[id] = 0, free_ids[free_count++] = id;
    }
    return count;
}

static void give_up(int64_t now) {
    for (int id = 0; id < IN_FLIGHT_MAX; id++)
        if (sent_at[id] && now - sent_at[id] > GIVE_UP_NS) sent_at[id] = 0, free_ids[free_count++] = id, lost++;
}

static double percentile_us(double share) {
    uint64_t below = 0;
    for (int i = 0; i < BUCKETS; i++)
        if ((below += latency[i]) >= share * answers) return (i + 1) * 5.0;
    return BUCKETS * 5.0;
}

int main(int argc, char **argv) {
    if (argc < 6) { fprintf(stderr, "usage: load ADDRESS PORT SECONDS IN_FLIGHT QUERIES [PER_SECOND]\n"); return 2; }
    int fd = open_socket(argv[1], atoi(argv[2])), in_flight = atoi(argv[4]);
    double seconds = atof(argv[3]), per_second = argc > 6 ? atof(argv[6]) : 0;
    if (in_flight < 1 || in_flight > IN_FLIGHT_MAX) { fprintf(stderr, "1 to %d in flight\n", IN_FLIGHT_MAX); return 2; }
    read_queries(argv[5]);
    for (int id = in_flight; id--;) free_ids[free_count++] = id;
    int64_t start = now_ns(), end = start + seconds * 1e9, checked = start, now = start;
    while (now < end) {
        int64_t due = per_second ? (now - start) * 1e-9 * per_second - sent : BATCH;
        if (due > 0 && free_count) send_some(fd, due < BATCH ? due : BATCH, now);
        struct pollfd wait = {fd, POLLIN, 0};
        struct timespec patience = {0, per_second ? 100000 : 10000000};
        ppoll(&wait, 1, &patience, NULL);
        now = now_ns();
        while (receive_some(fd, now) == BATCH);
        if (now - checked > GIVE_UP_NS / 5) give_up(now), checked = now;
    }
    printf("{\"seconds\": %.3f, \"sent\": %lu, \"answers\": %lu, \"lost\": %lu, \"octets\": %lu, \"truncated\": %lu, "
           "\"noerror\": %lu, \"servfail\": %lu, \"nxdomain\": %lu, \"refused\": %lu, \"p50_us\": %.0f, \"p99_us\": %.0f, "
           "\"p999_us\": %.0f}\n", (now - start) * 1e-9, sent, answers, lost, octets, truncated, rcodes[0], rcodes[2],
           rcodes[3], rcodes[5], percentile_us(.5), percentile_us(.99), percentile_us(.999));
    return 0;
}
