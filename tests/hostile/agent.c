/* SPDX-License-Identifier: MIT */
#include "tests/hostile/agent.h"

#include "tests/unit/check.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/host/hex.h"
#include "tests/hostile/child.h"
#include "tests/hostile/office.h"
#include "tests/hostile/outcome.h"

enum { LINE = 1 << 16 };

struct bench_of_boards boards;

/* --- The board. --------------------------------------------------------------------------- */

static int control_connect(void)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", boards.control);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static bool is_shut(unsigned board)
{
    char line[4096] = "";
    AUTO(fd_drop) int fd = control_connect();
    dprintf(fd, "status %u\n", board);
    for (size_t n = 0; n + 1 < sizeof(line) && read(fd, line + n, 1) == 1; n++)
        if (line[n] == '\n')
            break;
    json_t *status = json_loads(line, 0, NULL);
    const char *debug = json_string_value(json_object_get(status, "debug"));
    assert_non_null(debug);
    bool shut = strcmp(debug, "open") != 0;
    json_decref(status);
    return shut;
}

/* --- The agent. --------------------------------------------------------------------------- */

/* The last line that tells of a result. */
static void read_result(FILE *from, struct outcome *out)
{
    AUTO(free_drop) char *line = malloc(LINE);
    bool ended = false;
    assert_non_null(line);
    while (fgets(line, LINE, from) != NULL) {
        json_t *object = json_loads(line, 0, NULL);
        if (json_object_get(object, "result") != NULL) {
            ended = true;
            out->err =
                err_from_wire((uint32_t)json_integer_value(json_object_get(object, "code")),
                              (uint32_t)json_integer_value(json_object_get(object, "status")));
            snprintf(out->words, sizeof(out->words), "%s: %s",
                     json_string_value(json_object_get(object, "where")),
                     json_string_value(json_object_get(object, "detail")));
        }
        json_decref(object);
    }
    if (!ended)
        fail_msg("the agent told of no result");
}

static const char *path_of(char out[static 512], const char *name, const char *end)
{
    snprintf(out, 512, "%s/%s.%s", server_place.folder, name, end);
    return out;
}

static void run_agent(const char *station, const char *order, unsigned board,
                      struct outcome *out)
{
    char ca[512], certificate[512], key[512], server[128];
    struct child child;
    snprintf(server, sizeof(server), "wss://%s:%s", server_place.host, server_place.port);
    const char *const argv[] = { boards.program, "provision",
                                 "--server",     server,
                                 "--ca",         path_of(ca, "root", "pem"),
                                 "--cert",       path_of(certificate, station, "pem"),
                                 "--key",        path_of(key, station, "key"),
                                 "--order",      order,
                                 "--probe",      boards.probe[board],
                                 "--reconnect",  "5",
                                 "--json",       NULL };
    child_start(&child, argv, boards.log);
    read_result(child.out, out);
    (void)child_end(&child);
}

static unsigned take_board(void)
{
    if (boards.next == boards.boards)
        fail_msg("there are only %u boards", boards.boards);
    return boards.next++;
}

static void read_boards(const char *list)
{
    FILE *file = fopen(list, "re");
    char uid[32];
    assert_non_null(file);
    while (boards.boards < COUNT(boards.probe) &&
           fscanf(file, "%63s %31s", boards.probe[boards.boards], uid) == 2) {
        assert_int_equal(hex_read(uid, boards.uid[boards.boards], UID_SIZE), ERR_OK);
        boards.boards++;
    }
    fclose(file);
}

void agent_open(const char *list)
{
    struct outcome out = { 0 };
    read_boards(list);
    if (boards.boards == 0)
        return;
    office_order(&(struct office_terms){ "agents", { "line-0" }, 10, 1, 0, 0 });
    setenv("HOSTILE_KEPT", boards.kept, 1);
    setenv("HOSTILE_KEEPS", "1", 1);
    run_agent("line-0", "agents", take_board(), &out);
    unsetenv("HOSTILE_KEEPS");
    if (out.err != ERR_OK)
        fail_msg("an honest agent: %s: %s", err_text(out.err), out.words);
}

static bool was_told(const char *path)
{
    bool told = access(path, F_OK) == 0;
    unlink(path);
    return told;
}

void agent_tell(const struct lie *lie, unsigned number)
{
    char station[32], order[32], told[512];
    unsigned board = take_board();
    snprintf(station, sizeof(station), "s-%u", number);
    snprintf(order, sizeof(order), "o-%u", number);
    snprintf(told, sizeof(told), "%s/told", boards.kept);
    office_connect();
    office_station(station);
    office_order(&(struct office_terms){ order, { station }, 2, 1, 0, 0 });
    struct outcome out = { .start = office_log_size() };
    setenv("HOSTILE_LIE", lie->name, 1);
    setenv("HOSTILE_TOLD", told, 1);
    run_agent(station, order, board, &out);
    unsetenv("HOSTILE_LIE");
    office_connect();
    out.told = was_told(told);
    out.shut = is_shut(board);
    office_state(boards.uid[board], out.state);
    office_counts(order, &lie->counts, &out.counts);
    outcome_check(lie, &out);
}
