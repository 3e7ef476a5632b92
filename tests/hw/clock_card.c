/* A sound card that is a clock: an ALSA ioplug whose crystal is the machine's, wrong by `ppm`.
 *
 * It "plays" what was written at exactly rate * (1 + ppm / 1e6) frames a second, appends what it
 * has taken to `file` (s16le, as given), and writes to `file`.log one line at every start: the frame
 * in `file` that is heard first, and the wall time in nanoseconds at which it is. While a file named
 * `unplugged` exists, the card is gone. A frame that is not there in time is an underrun.
 */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    snd_pcm_ioplug_t io;
    double ppm;
    char *path, *unplugged;
    int fd;
    FILE *log;
    long long start_ns;       /* monotonic, of the first frame since `start` */
    unsigned long long taken; /* frames written into `path` since it was opened */
    unsigned long long queued;/* frames given since prepare */
    int running;
} card_t;

static long long now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int is_gone(card_t *card) {
    return access(card->unplugged, F_OK) == 0;
}

static unsigned long long played(card_t *card) {
    if (!card->running) return 0;
    double seconds = (now_ns(CLOCK_MONOTONIC) - card->start_ns) / 1e9;
    return (unsigned long long)(seconds * card->io.rate * (1 + card->ppm / 1e6));
}

static int card_start(snd_pcm_ioplug_t *io) {
    card_t *card = io->private_data;
    if (is_gone(card)) return -ENODEV;
    card->start_ns = now_ns(CLOCK_MONOTONIC);
    card->running = 1;
    fprintf(card->log, "%llu %lld\n", card->taken - card->queued, now_ns(CLOCK_REALTIME));
    fflush(card->log);
    return 0;
}

static int card_stop(snd_pcm_ioplug_t *io) {
    card_t *card = io->private_data;
    card->running = 0;
    return 0;
}

static int card_prepare(snd_pcm_ioplug_t *io) {
    card_t *card = io->private_data;
    if (is_gone(card)) return -ENODEV;
    card->running = 0;
    card->queued = 0;
    return 0;
}

static snd_pcm_sframes_t card_pointer(snd_pcm_ioplug_t *io) {
    card_t *card = io->private_data;
    if (is_gone(card)) return -ENODEV;
    unsigned long long frames = played(card);
    if (frames > card->queued) return -EPIPE;
    return frames % io->buffer_size;
}

static snd_pcm_sframes_t card_transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
                                       snd_pcm_uframes_t offset, snd_pcm_uframes_t size) {
    card_t *card = io->private_data;
    if (is_gone(card)) return -ENODEV;
    size_t frame = areas->step / 8;
    const char *data = (const char *)areas->addr + areas->first / 8 + offset * frame;
    if (write(card->fd, data, size * frame) != (ssize_t)(size * frame)) return -EIO;
    card->taken += size;
    card->queued += size;
    return size;
}

/* Let a waiting player sleep until the timer's next tick. */
static int card_poll_revents(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned int count,
                             unsigned short *revents) {
    unsigned long long ticks;
    (void)io;
    (void)count;
    *revents = read(fds[0].fd, &ticks, sizeof ticks) == sizeof ticks ? POLLOUT : 0;
    return 0;
}

static int card_close(snd_pcm_ioplug_t *io) {
    card_t *card = io->private_data;
    close(card->io.poll_fd);
    close(card->fd);
    fclose(card->log);
    free(card->path);
    free(card->unplugged);
    free(card);
    return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = card_start,
    .stop = card_stop,
    .prepare = card_prepare,
    .pointer = card_pointer,
    .transfer = card_transfer,
    .close = card_close,
    .poll_revents = card_poll_revents,
};

static int limit(snd_pcm_ioplug_t *io) {
    static const unsigned int accesses[] = {SND_PCM_ACCESS_RW_INTERLEAVED};
    static const unsigned int formats[] = {SND_PCM_FORMAT_S16_LE};
    int e;
    if ((e = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 1, accesses)) < 0 ||
        (e = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, formats)) < 0 ||
        (e = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, 1, 2)) < 0 ||
        (e = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, 8000, 48000)) < 0 ||
        (e = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 64, 65536)) < 0 ||
        (e = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIODS, 2, 64)) < 0)
        return e;
    return 0;
}

SND_PCM_PLUGIN_DEFINE_FUNC(clock_card) {
    snd_config_iterator_t i, next;
    const char *path = NULL, *unplugged = NULL, *id;
    char log_path[4096];
    double ppm = 0;
    long whole;
    int e;
    (void)root;
    snd_config_for_each(i, next, conf) {
        snd_config_t *entry = snd_config_iterator_entry(i);
        if (snd_config_get_id(entry, &id) < 0) continue;
        if (!strcmp(id, "file")) snd_config_get_string(entry, &path);
        else if (!strcmp(id, "unplugged")) snd_config_get_string(entry, &unplugged);
        else if (!strcmp(id, "ppm") && snd_config_get_integer(entry, &whole) == 0) ppm = whole;
    }
    if (!path || !unplugged || stream != SND_PCM_STREAM_PLAYBACK) return -EINVAL;
    if (access(unplugged, F_OK) == 0) return -ENODEV;
    card_t *card = calloc(1, sizeof *card);
    card->path = strdup(path);
    card->unplugged = strdup(unplugged);
    card->ppm = ppm;
    snprintf(log_path, sizeof log_path, "%s.log", path);
    card->fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    card->log = fopen(log_path, "a");
    card->taken = lseek(card->fd, 0, SEEK_END) / 2;
    card->io.version = SND_PCM_IOPLUG_VERSION;
    card->io.name = "a sound card that is a clock";
    card->io.callback = &callbacks;
    card->io.private_data = card;
    card->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    card->io.poll_events = POLLIN;
    struct itimerspec every = {{0, 2000000}, {0, 2000000}};
    timerfd_settime(card->io.poll_fd, 0, &every, NULL);
    e = snd_pcm_ioplug_create(&card->io, name, stream, mode);
    if (e < 0) return e;
    e = limit(&card->io);
    if (e < 0) {
        snd_pcm_ioplug_delete(&card->io);
        return e;
    }
    *pcmp = card->io.pcm;
    return 0;
}
SND_PCM_PLUGIN_SYMBOL(clock_card);
