/* The floor: a UDP server that receives and sends in batches and does nothing else. What costs less than this does not
 * answer. QR is set, so that a client takes it for an answer.
 *
 *   echo PORT            prints its port when it is bound (0: any) */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { BATCH = 32, OCTETS_MAX = 4096 };

int main(int argc, char **argv) {
    static char packets[BATCH][OCTETS_MAX];
    static struct sockaddr_in addresses[BATCH];
    static struct iovec vectors[BATCH];
    static struct mmsghdr headers[BATCH];
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 0)};
    socklen_t length = sizeof here;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (void *)&here, sizeof here) || getsockname(fd, (void *)&here, &length)) return perror("bind"), 1;
    printf("%d\n", ntohs(here.sin_port));
    fflush(stdout);
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
