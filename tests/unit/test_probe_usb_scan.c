/* SPDX-License-Identifier: MIT */
/* Which probes are there, which is meant, and who uses it: from a sysfs and a /proc of our own.
 */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/host/log.h"
#include "station-agent/probe/usb.h"
#include "station-agent/probe/usb_pick.h"
#include "station-agent/probe/usb_user.h"
#include "tests/unit/test_probe_usb_tree.h"

static const struct tree_device good = {
    "1-2",   0x0416,     0x2005,
    "1301A", "Nu-Link2", { { TREE_CDC, "Nu-Link2 VCOM" }, { TREE_V2, "Nu-Link2 CMSIS-DAP" } }
};
static const struct tree_device twin = { "1-4",      0x0416,
                                         0x2005,     "1301A",
                                         "Nu-Link2", { { TREE_V2, "Nu-Link2 CMSIS-DAP" } } };
static const struct tree_device both = {
    "1-10.3", 0x1234,    1,
    "B,1",    "DAPLink", { { TREE_V1, "CMSIS-DAP v1" }, { TREE_V2_SWO, "CMSIS_DAP v2" } }
};
static const struct tree_device unnamed = {
    "1-5", 0x1234, 2, NULL, "Some CMSIS-DAP probe", { { TREE_V2, NULL } }
};
static const struct tree_device hid = {
    "1-7", 0x0d28, 0x0204, "99", "Old CMSIS-DAP", { { TREE_MOUSE, NULL }, { TREE_V1, "HID" } }
};
static const struct tree_device ice = { "1-6",  0x0416,          0x5200,
                                        "1302", "Nu-Link2 Bulk", { { TREE_ICE, "ICE" } } };

#define ODD(kind, name)                                                                        \
    &(const struct tree_device)                                                                \
    {                                                                                          \
        "1-9", 0x1234, 3, NULL, "Odd CMSIS-DAP",                                               \
        {                                                                                      \
            {                                                                                  \
                kind, name                                                                     \
            }                                                                                  \
        }                                                                                      \
    }

static const struct {
    const char *name, *uri;
    const struct tree_device *list[3];
    size_t count;
    enum err want;
    const char *words; /* of an error, or the port picked */
    enum usb_version version;
} picks[] = {
    { "the only one", "usb:", { &good, &ice }, 2, ERR_OK, "1-2", USB_V2 },
    { "only the product is named", "usb:", { &unnamed }, 1, ERR_OK, "1-5", USB_V2 },
    { "by serial", "usb:serial=1301A", { &good, &unnamed }, 2, ERR_OK, "1-2", USB_V2 },
    { "by port", "usb:port=1-4", { &good, &twin }, 2, ERR_OK, "1-4", USB_V2 },
    { "bulk before HID", "usb:", { &both }, 1, ERR_OK, "1-10.3", USB_V2 },
    { "HID if asked for", "usb:v1", { &both }, 1, ERR_OK, "1-10.3", USB_V1 },
    { "the only HID", "usb:v1", { &both, &good }, 2, ERR_OK, "1-10.3", USB_V1 },
    { "a comma in a serial", "usb:v1,serial=B,1", { &both }, 1, ERR_OK, "1-10.3", USB_V1 },
    { "bulk if asked for", "usb:v2,port=1-10.3", { &both }, 1, ERR_OK, "1-10.3", USB_V2 },
    { "HID only", "usb:", { &hid }, 1, ERR_OK, "1-7", USB_V1 },
    { "none", "usb:", { ODD(TREE_CDC, NULL) }, 1, ERR_NOT_FOUND, "plugged in", 0 },
    { "two", "usb:", { &good, &unnamed }, 2, ERR_CONFIG, "usb:port=1-5", 0 },
    { "equal serials", "usb:serial=1301A", { &good, &twin }, 2, ERR_CONFIG, "by port", 0 },
    { "part of a serial", "usb:serial=1301", { &good }, 1, ERR_NOT_FOUND, "port=1-2", 0 },
    { "another port", "usb:port=1-3", { &good }, 1, ERR_NOT_FOUND, "1301A", 0 },
    { "Nu-Link's own mode", "usb:", { &ice }, 1, ERR_NOT_FOUND, "NU_CFG.TXT", 0 },
    { "no HID", "usb:v1", { &good }, 1, ERR_NOT_FOUND, "no CMSIS-DAP v1 (HID)", 0 },
    { "no bulk", "usb:v2,port=1-7", { &hid }, 1, ERR_NOT_FOUND, "v2 (bulk)", 0 },
    { "IN first",
      "usb:",
      { ODD(TREE_ICE, "CMSIS-DAP") },
      1,
      ERR_NOT_FOUND,
      "IN endpoint comes before OUT",
      0 },
    { "subclass",
      "usb:",
      { ODD(TREE_VENDOR_1, NULL) },
      1,
      ERR_NOT_FOUND,
      "cannot be used: usb:port=1-9",
      0 },
    { "WebUSB", "usb:", { ODD(TREE_V2, "WebUSB") }, 1, ERR_NOT_FOUND, "plugged", 0 },
    { "alternate",
      "usb:",
      { ODD(TREE_V2_ALT, NULL) },
      1,
      ERR_NOT_FOUND,
      "no endpoints in its first setting",
      0 },
    { "too small",
      "usb:",
      { ODD(TREE_V2_SMALL, NULL) },
      1,
      ERR_NOT_FOUND,
      "less than 64 bytes",
      0 },
    { "HID, IN only", "usb:", { ODD(TREE_V1_IN, NULL) }, 1, ERR_OK, "1-9", USB_V1 },
    { "a mouse", "usb:", { ODD(TREE_MOUSE, NULL) }, 1, ERR_NOT_FOUND, "plugged", 0 },
    { "empty port", "usb:port=", { &good }, 1, ERR_USAGE, "want", 0 },
    { "unknown key", "usb:vendor=0416", { &good }, 1, ERR_USAGE, "want", 0 },
    { "v3", "usb:v3", { &good }, 1, ERR_USAGE, "want", 0 },
    { "v1 without comma", "usb:v1port=1-2", { &good }, 1, ERR_USAGE, "want", 0 },
};

static void picks_or_explains(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(picks); i++) {
        AUTO(free_drop) struct usb_list *list = calloc(1, sizeof(*list));
        struct usb_choice choice = { 0 };
        struct tree_device plugged[COUNT(picks[i].list)];
        for (size_t k = 0; k < picks[i].count; k++)
            plugged[k] = *picks[i].list[k];
        tree_plug(plugged, picks[i].count);
        assert_int_equal(usb_scan(&tree, list), ERR_OK);
        enum err got = usb_pick(list, picks[i].uri, &choice);
        if (got != picks[i].want)
            print_message("%s: %s\n", picks[i].name, fail_words());
        assert_int_equal(got, picks[i].want);
        if (got == ERR_OK) {
            assert_string_equal(choice.seen->port, picks[i].words);
            assert_int_equal(choice.version, picks[i].version);
        } else {
            assert_non_null(strstr(fail_words(), picks[i].words));
        }
    }
}

/* Descriptors come from the device: cut anywhere, or damaged, they only make it no probe. */
static void descriptors_are_not_trusted(void **state)
{
    (void)state;
    AUTO(free_drop) struct usb_list *list = calloc(1, sizeof(*list));
    char path[USB_PATH_MAX];
    uint8_t bytes[512];
    tree_plug(&both, 1);
    tree_path("sys/1-10.3/descriptors", path);
    FILE *f = fopen(path, "r");
    size_t len = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    for (size_t cut = 0; cut < len; cut++) {
        tree_file("sys/1-10.3/descriptors", bytes, cut);
        assert_int_equal(usb_scan(&tree, list), ERR_OK);
        assert_true(list->count <= 1);
    }
    for (size_t at = 0; at < len; at++) {
        uint8_t was = bytes[at];
        for (unsigned value = 0; value < 256; value += 15) {
            bytes[at] = (uint8_t)value;
            tree_file("sys/1-10.3/descriptors", bytes, len);
            assert_int_equal(usb_scan(&tree, list), ERR_OK);
            assert_true(list->count <= 1);
        }
        bytes[at] = was;
    }
}

static void names_cannot_play_tricks(void **state)
{
    (void)state;
    AUTO(free_drop) struct usb_list *list = calloc(1, sizeof(*list));
    tree_plug(&unnamed, 1);
    tree_text("sys/1-5/serial", "\x1b[31mA\nB\n");
    tree_text("sys/1-5.1.extra/product", "CMSIS-DAP");
    assert_int_equal(usb_scan(&tree, list), ERR_OK);
    assert_int_equal(list->count, 1);
    assert_string_equal(list->seen[0].serial, "?[31mA");
}

static const struct probe_info *listed(const char *port)
{
    static struct probe_info list[PROBES_MAX];
    size_t count = 0;
    assert_int_equal(usb_list(&tree, list, &count), ERR_OK);
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].port, port) == 0)
            return &list[i];
    fail_msg("no probe at %s", port);
    return NULL;
}

static void long_serials_and_long_lists_are_whole(void **state)
{
    (void)state;
    enum { MANY = USB_SEEN_MAX + 3 };
    static char serial[USB_TEXT_MAX], ports[MANY][8], uri[USB_TEXT_MAX + 16];
    static struct tree_device many[MANY];
    AUTO(free_drop) struct usb_list *list = calloc(1, sizeof(*list));
    struct usb_choice choice = { 0 };
    for (size_t i = 0; i < 126; i++) /* as long as a string descriptor may be, 3 bytes each */
        memcpy(serial + 3 * i, "\xE2\x82\xAC", 3);
    for (size_t i = 0; i < MANY; i++) {
        many[i] = good;
        snprintf(ports[i], sizeof(ports[i]), "1-%zu", i + 1);
        many[i].port = ports[i];
    }
    many[0].serial = serial;
    tree_plug(many, 2);
    snprintf(uri, sizeof(uri), "usb:serial=%s", serial);
    assert_int_equal(usb_scan(&tree, list), ERR_OK);
    assert_string_equal(list->seen[0].serial, serial);
    assert_int_equal(usb_pick(list, uri, &choice), ERR_OK);
    assert_string_equal(choice.seen->port, "1-1");
    tree_plug(many, MANY);
    assert_int_equal(usb_scan(&tree, list), ERR_OK);
    assert_int_equal(list->count, USB_SEEN_MAX);
    assert_int_equal(list->left_out, 3);
    assert_int_equal(usb_pick(list, "usb:", &choice), ERR_CONFIG);
    assert_non_null(strstr(fail_words(), " more (station-agent probes)"));
}

static void lists_in_order_of_ports(void **state)
{
    (void)state;
    static const char *const want[] = { "1-2", "1-4", "1-6", "1-10.3" };
    const struct tree_device list[] = { both, ice, twin, good };
    struct probe_info infos[PROBES_MAX];
    size_t count = 0;
    tree_plug(list, COUNT(list));
    assert_int_equal(usb_list(&tree, infos, &count), ERR_OK);
    assert_int_equal(count, COUNT(want));
    for (size_t i = 0; i < count; i++)
        assert_string_equal(infos[i].port, want[i]);
    assert_string_equal(infos[0].name, "usb:port=1-2");
    assert_int_equal(infos[0].v2, 1);
    assert_int_equal(infos[0].v1, -1);
    assert_int_equal(infos[0].state, PROBE_READY);
    assert_int_equal(infos[2].state, PROBE_WRONG_MODE);
    assert_non_null(strstr(infos[2].advice, "NU_CFG.TXT"));
    assert_int_equal(infos[3].v1, 0);
    assert_int_equal(infos[3].v2, 1);
    assert_string_equal(infos[3].serial, "B,1");
}

static void no_permission_is_not_absence(void **state)
{
    (void)state;
    tree_plug(&good, 1);
    char node[USB_PATH_MAX];
    tree_path("dev/bus/usb/001/010", node);
    unlink(node); /* access(2) fails the same way, whoever runs this test */
    assert_int_equal(listed("1-2")->state, PROBE_DENIED);
    assert_non_null(strstr(listed("1-2")->advice, "70-hallmark-probes.rules"));
    assert_non_null(strstr(listed("1-2")->advice, "plugdev"));
}

/* Lock it in a child that lives until its pipe is closed; its pid. */
static pid_t lock_elsewhere(int *held_out)
{
    int ready[2], hold[2];
    char byte;
    assert_int_equal(pipe(ready) | pipe(hold), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int lock = -1;
        close(hold[1]);
        enum err e = usb_lock_take(&tree, "1-2", &lock);
        if (e != ERR_OK || write(ready[1], "x", 1) != 1 || read(hold[0], &byte, 1) != 0)
            _exit(1);
        _exit(0); /* without a release: as if killed */
    }
    close(ready[1]);
    close(hold[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    *held_out = hold[1];
    return pid;
}

static void write_locks(pid_t pid, const char *file)
{
    char path[USB_PATH_MAX], line[160];
    struct stat st;
    tree_path(file, path);
    assert_int_equal(stat(path, &st), 0);
    snprintf(line, sizeof(line),
             "1: POSIX  ADVISORY  WRITE %d 00:19:%lu 0 EOF\n"
             "2: FLOCK  ADVISORY  WRITE %d 00:19:%lu 0 EOF\n",
             1, (unsigned long)st.st_ino, (int)pid, (unsigned long)st.st_ino);
    tree_text("proc/locks", line);
}

static void a_locked_port_names_its_holder(void **state)
{
    (void)state;
    int held, lock = -1, status;
    char want[64];
    struct usb_holder holder;
    tree_plug(&good, 1);
    pid_t pid = lock_elsewhere(&held);
    assert_int_equal(usb_lock_take(&tree, "1-2", &lock), ERR_BUSY);
    snprintf(want, sizeof(want), "in use by %s (pid %d)", program_invocation_short_name, pid);
    assert_non_null(strstr(fail_words(), want));
    assert_int_equal(lock, -1);
    write_locks(pid, "lock/hallmark-probe-1-2.lock");
    assert_int_equal(listed("1-2")->state, PROBE_BUSY);
    assert_int_equal(listed("1-2")->holder_pid, pid);
    assert_int_equal(usb_lock_take(&tree, "1-4", &lock), ERR_OK); /* another port */
    usb_lock_release(&lock);
    close(held);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    tree_text("proc/locks", ""); /* the name it left behind does not count */
    assert_false(usb_lock_holder(&tree, "1-2", &holder));
    assert_int_equal(listed("1-2")->state, PROBE_READY);
    assert_int_equal(usb_lock_take(&tree, "1-2", &lock), ERR_OK);
    usb_lock_release(&lock);
    assert_int_equal(lock, -1);
}

static void lock_files_are_not_trusted(void **state)
{
    (void)state;
    const struct {
        const char *name, *text;
    } cases[] = {
        { "empty", "" },
        { "no number", "station-agent\n" },
        { "negative", "-1 agent\n" },
        { "too large", "99999999999999999999 agent\n" },
        { "no name", "77" },
    };
    struct usb_holder holder;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int lock = -1;
        tree_plug(&good, 1);
        tree_text("lock/hallmark-probe-1-2.lock", cases[i].text);
        write_locks(77, "lock/hallmark-probe-1-2.lock");
        assert_false(usb_lock_holder(&tree, "1-2", &holder));
        assert_int_equal(usb_lock_take(&tree, "1-2", &lock), ERR_OK);
        usb_lock_release(&lock);
    }
    int lock = -1;
    tree_plug(&good, 1);
    tree_link("lock/hallmark-probe-1-2.lock", "other");
    assert_int_equal(usb_lock_take(&tree, "1-2", &lock), ERR_IO);
    struct usb_roots lockless = tree;
    lockless.lock = "/nonexistent";
    assert_int_equal(usb_lock_take(&lockless, "1-2", &lock), ERR_IO);
}

static void others_are_seen(void **state)
{
    (void)state;
    char node[USB_PATH_MAX], raw[USB_PATH_MAX];
    const struct {
        const char *name, *claimed, *open;
        bool busy;
        int pid;
    } cases[] = {
        { "nobody", NULL, NULL, false, 0 },
        { "somebody unseen, bulk", "sys/1-10.3:1.1/driver", NULL, true, 0 },
        { "somebody unseen, HID", "sys/1-10.3:1.0/driver", NULL, true, 0 },
        { "OpenOCD, bulk", "sys/1-10.3:1.1/driver", node, true, 41 },
        { "OpenOCD, hidraw", NULL, raw, true, 41 },
        { "looks, claims nothing", NULL, node, false, 41 },
        { "another node", NULL, "/dev/bus/usb/001/077", false, 0 },
    };
    tree_path("dev/bus/usb/001/010", node);
    tree_path("dev/hidraw3", raw);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct usb_holder holder;
        AUTO(free_drop) struct usb_list *list = calloc(1, sizeof(*list));
        tree_plug(&both, 1);
        tree_text("sys/1-10.3:1.0/0003:1234:0001.0001/hidraw/hidraw3/dev", "");
        tree_text("proc/41/comm", "openocd\n");
        tree_link("proc/41/fd/0", "/dev/null");
        tree_text("proc/version", "");
        if (cases[i].claimed != NULL)
            tree_link(cases[i].claimed, "../../../../../bus/usb/drivers/usbfs");
        if (cases[i].open != NULL)
            tree_link("proc/41/fd/7", cases[i].open);
        assert_int_equal(usb_scan(&tree, list), ERR_OK);
        bool busy = usb_user_find(&tree, &list->seen[0], &holder);
        if (busy != cases[i].busy || holder.pid != cases[i].pid)
            print_message("%s\n", cases[i].name);
        assert_int_equal(busy, cases[i].busy);
        assert_int_equal(holder.pid, cases[i].pid);
        assert_int_equal(listed("1-10.3")->state, busy ? PROBE_BUSY : PROBE_READY);
    }
    assert_int_equal(listed("1-10.3")->holder_pid, 0);
}

int main(void)
{
    log_set_level(LOG_LEVEL_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picks_or_explains),
        cmocka_unit_test(descriptors_are_not_trusted),
        cmocka_unit_test(names_cannot_play_tricks),
        cmocka_unit_test(long_serials_and_long_lists_are_whole),
        cmocka_unit_test(lists_in_order_of_ports),
        cmocka_unit_test(no_permission_is_not_absence),
        cmocka_unit_test(a_locked_port_names_its_holder),
        cmocka_unit_test(lock_files_are_not_trusted),
        cmocka_unit_test(others_are_seen),
    };
    return cmocka_run_group_tests(tests, tree_up, tree_down);
}
