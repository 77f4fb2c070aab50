/* The floor: a UDP server that receives and sends in batches and does nothing else. What costs less than this does not
 * answer. QR is set, so that a client takes it for an answer.
 *
 *   echo PORT [THREADS]      prints its port when it is bound (0: any); every thread has a socket of its own there */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { BATCH = 32, OCTETS_MAX = 4096 };

static struct sockaddr_in here = {.sin_family = AF_INET};

static int bound(void) {
    socklen_t length = sizeof here;
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) || bind(fd, (void *)&here, length) ||
        getsockname(fd, (void *)&here, &length)) {
        perror("bind");
        exit(1);
    }
    return fd;
}

static void *answer(void *socket) {
    static _Thread_local char packets[BATCH][OCTETS_MAX];
    static _Thread_local struct sockaddr_in addresses[BATCH];
    static _Thread_local struct iovec vectors[BATCH];
    static _Thread_local struct mmsghdr headers[BATCH];
    int fd = (intptr_t)socket;
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){packets[i], OCTETS_MAX};
            headers[i].msg_hdr = (struct msghdr){&addresses[i], sizeof addresses[i], &vectors[i], 1, NULL, 0, 0};
        }
        int count = recvmmsg(fd, headers, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < count; i++) packets[i][2] |= 0x80, vectors[i].iov_len = headers[i].msg_len;
        for (int done = 0, more; done < count; done += more)
            if ((more = sendmmsg(fd, headers + done, count - done, 0)) < 1) more = 1;
    }
}

int main(int argc, char **argv) {
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    here.sin_port = htons(argc > 1 ? atoi(argv[1]) : 0);
    int first = bound();
    for (int others = argc > 2 ? atoi(argv[2]) - 1 : 0; others > 0; others--) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, answer, (void *)(intptr_t)bound())) return perror("pthread_create"), 1;
    }
    printf("%d\n", ntohs(here.sin_port));
    fflush(stdout);
    answer((void *)(intptr_t)first);
}
