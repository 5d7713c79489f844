/* SPDX-License-Identifier: MIT */
#include "tests/hostile/child.h"

#include "tests/unit/check.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

void child_start(struct child *child, const char *const *argv, const char *errors)
{
    int ends[2];
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO), 0);
    if (errors != NULL)
        assert_int_equal(posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors,
                                                          O_WRONLY | O_CREAT | O_APPEND, 0600),
                         0);
    assert_int_equal(
        posix_spawn(&child->pid, argv[0], &actions, NULL, (char **)(uintptr_t)argv, environ),
        0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    child->out = fdopen(ends[0], "r");
    assert_non_null(child->out);
}

int child_end(struct child *child)
{
    int status = 0;
    fclose(child->out);
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
