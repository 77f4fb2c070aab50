/* The first process of a pod, and of the cluster's own namespaces: it waits, and reaps the orphans that come to it.
 *
 * A pod's lives until SIGTERM. The cluster's (`pause --until-eof`) lives until its standard input closes: the harness
 * holds the other end of that pipe, so when the harness ends, however it ends, this process ends, and the kernel kills
 * everything else in its process namespace. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal_number) { (void)signal_number; _exit(0); }

static void reap(int signal_number)
{
    (void)signal_number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

int main(int argc, char **argv)
{
    struct sigaction ends = {.sa_handler = end}, reaps = {.sa_handler = reap, .sa_flags = SA_NOCLDSTOP};
    char byte;

    sigaction(SIGCHLD, &reaps, NULL);
    if (argc > 1 && strcmp(argv[1], "--until-eof") == 0) {
        while (read(STDIN_FILENO, &byte, 1) != 0) /* a signal only interrupts the wait */
            ;
        return 0;
    }
    sigaction(SIGTERM, &ends, NULL);
    sigaction(SIGINT, &ends, NULL);
    for (;;)
        pause();
}
