/* The least that waking nodes costs: accept COUNT connections, then send each line read from
   standard input to all of them, one after the other. Usage: send_loop PORT COUNT */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    int count = atoi(argv[2]), on = 1, listening = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listening, (struct sockaddr *)&at, sizeof at) || listen(listening, 1024)) {
        perror("send_loop");
        return 1;
    }
    int *clients = calloc(count, sizeof *clients);
    if (clients == NULL)
        return 1;
    for (int n = 0; n < count; n++)
        if ((clients[n] = accept(listening, NULL, NULL)) < 0) {
            perror("accept");
            return 1;
        }
    char line[512];
    while (fgets(line, sizeof line, stdin))
        for (int n = 0; n < count; n++)
            send(clients[n], line, strlen(line), MSG_NOSIGNAL);
    return 0;
}
