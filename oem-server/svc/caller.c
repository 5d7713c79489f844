#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/svc/svc.h"

static void caller_free(struct caller *caller)
{
    share_drop(&caller->calls);
    share_drop(&caller->streams);
    free(caller);
}

static struct caller *caller_new(struct server *server, const char *uri)
{
    struct caller *caller = calloc(1, sizeof(*caller));
    if (caller == NULL)
        return NULL;
    caller->server = server;
    snprintf(caller->uri, sizeof(caller->uri), "%s", uri);
    caller->calls = share_new(server->work);
    caller->streams = share_new(server->streams);
    if (caller->calls != NULL && caller->streams != NULL)
        return caller;
    caller_free(caller);
    return NULL;
}

/* Under server->lock. */
static struct caller *find(struct server *server, const char *uri)
{
    struct caller *caller = server->callers;
    while (caller != NULL && strcmp(caller->uri, uri) != 0)
        caller = caller->next;
    return caller;
}

/* Under server->lock. */
static enum err enter(struct server *server, const char *uri, struct caller **caller_out)
{
    struct caller *caller = find(server, uri);
    if (caller == NULL) {
        caller = caller_new(server, uri);
        if (caller == NULL)
            return fail(ERR_MEMORY, "svc: no memory for a caller");
        caller->next = server->callers;
        server->callers = caller;
    }
    if (caller->connections == SERVER_CONNECTIONS_EACH)
        return fail_quiet(ERR_EXHAUSTED, "%u connections of one caller: close some",
                          caller->connections);
    caller->connections++;
    *caller_out = caller;
    return ERR_OK;
}

enum err caller_enter(struct server *server, const char *uri, struct caller **caller_out)
{
    pthread_mutex_lock(&server->lock);
    enum err e = enter(server, uri, caller_out);
    pthread_mutex_unlock(&server->lock);
    return e;
}

void caller_leave(struct caller **caller_pointer)
{
    struct caller *caller = TAKE(*caller_pointer);
    if (caller == NULL)
        return;
    struct server *server = caller->server;
    pthread_mutex_lock(&server->lock);
    bool last = --caller->connections == 0;
    struct caller **at = &server->callers;
    while (last && *at != caller)
        at = &(*at)->next;
    if (last)
        *at = caller->next;
    pthread_mutex_unlock(&server->lock);
    if (last)
        caller_free(caller);
}

enum err caller_check(struct caller *caller)
{
    size_t unread = atomic_load(&caller->unsent);
    return unread <= SERVER_UNREAD_EACH
               ? ERR_OK
               : fail_quiet(
                     ERR_EXHAUSTED,
                     "%zu MiB of answers wait on this caller's connections, the limit is "
                     "%d: read them first",
                     unread >> 20, SERVER_UNREAD_EACH >> 20);
}
