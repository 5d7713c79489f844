/* SPDX-License-Identifier: MIT */
/* What a USB device says of itself: its descriptors, product, serial number and interface
 * names, as the kernel keeps them in sysfs. The tree is a temporary folder's; each input is one
 * device: three texts and the rest is descriptors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "station-agent/probe/usb_scan.h"
#include "tests/fuzz/fuzz.h"

#define FOLDER "/tmp/hallmark-fuzz-XXXXXX"

static char base[sizeof(FOLDER)];

static const char *path_of(const char *name)
{
    static char path[sizeof(base) + 64];
    snprintf(path, sizeof(path), "%s/%s", base, name);
    return path;
}

static void put_file(const char *name, struct span bytes)
{
    FILE *f = fopen(path_of(name), "w");
    FUZZ_CHECK(f != NULL);
    FUZZ_CHECK(bytes.len == 0 || fwrite(bytes.ptr, bytes.len, 1, f) == 1);
    FUZZ_CHECK(fclose(f) == 0);
}

static void put_text(const char *name, const char *text)
{
    put_file(name, span_of(text, strlen(text)));
}

static void take_down(void)
{
    static const char *const files[] = {
        "1-2/descriptors",   "1-2/product", "1-2/serial",
        "1-2/busnum",        "1-2/devnum",  "1-2/bConfigurationValue",
        "1-2:1.0/interface", "1-2:1.0",     "1-2"
    };
    for (size_t i = 0; i < COUNT(files); i++)
        (void)remove(path_of(files[i]));
    (void)rmdir(base);
}

static void set_up(void)
{
    if (base[0] != '\0')
        return;
    memcpy(base, FOLDER, sizeof(base));
    FUZZ_CHECK(mkdtemp(base) != NULL && atexit(take_down) == 0);
    FUZZ_CHECK(mkdir(path_of("1-2"), 0700) == 0 && mkdir(path_of("1-2:1.0"), 0700) == 0);
    put_text("1-2/busnum", "1\n");
    put_text("1-2/devnum", "7\n");
    put_text("1-2/bConfigurationValue", "1\n");
}

static void check_text(const char *text)
{
    FUZZ_CHECK(strlen(text) < USB_TEXT_MAX);
    for (const char *c = text; *c != '\0'; c++)
        FUZZ_CHECK((unsigned char)*c >= 0x20 && *c != 0x7F);
}

/* Whatever it says, what is made of it can be opened and written to. */
static void check_seen(const struct usb_seen *seen)
{
    check_text(seen->product);
    check_text(seen->serial);
    FUZZ_CHECK(seen->bus == 1 && seen->device == 7 && strcmp(seen->port, "1-2") == 0);
    for (size_t i = 0; i < USB_VERSIONS; i++) {
        const struct usb_pipe *pipe = &seen->pipes[i];
        FUZZ_CHECK(!pipe->found || ((pipe->in & 0x80) != 0 && (pipe->out & 0x80) == 0));
        FUZZ_CHECK(!pipe->found || (pipe->in_size >= 64 && pipe->in_size <= 0x7FF));
        FUZZ_CHECK(!pipe->found || (pipe->out_size >= 64 && pipe->out_size <= 0x7FF));
    }
}

void fuzz_one(struct span input)
{
    static struct usb_list list;
    const struct usb_roots roots = { base, base, base, base };
    struct rd r = rd_of(input);
    set_up();
    put_file("1-2/product", rd_take(&r, rd_u8(&r)));
    put_file("1-2/serial", rd_take(&r, rd_u8(&r)));
    put_file("1-2:1.0/interface", rd_take(&r, rd_u8(&r)));
    put_file("1-2/descriptors", r.rest);
    FUZZ_CHECK(usb_scan(&roots, &list) == ERR_OK && list.count <= 1);
    if (list.count == 1)
        check_seen(&list.seen[0]);
}

#define SEED(name, ...)                                                                        \
    put(context, name, span_of((uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })))

#define DAP   9, 'C', 'M', 'S', 'I', 'S', '-', 'D', 'A', 'P'
#define NAMES DAP, 2, '0', '1', DAP
#define DEVICE(v, p)                                                                           \
    18, 1, 0, 2, 0, 0, 0, 64, (v)&255, (v) >> 8, (p)&255, (p) >> 8, 0, 0, 1, 2, 3, 1
#define CONFIG                        9, 2, 0, 0, 1, 1, 0, 0x80, 50
#define INTERFACE(class, endpoints)   9, 4, 0, 0, endpoints, class, 0, 0, 4
#define ENDPOINT(address, kind, size) 7, 5, address, kind, (size)&255, (size) >> 8, 0

void fuzz_seeds(fuzz_put *put, void *context)
{
    SEED("v2", NAMES, DEVICE(0x0416, 0x2005), CONFIG, INTERFACE(255, 2), ENDPOINT(2, 2, 512),
         ENDPOINT(0x81, 2, 512));
    SEED("v2-swo", NAMES, DEVICE(0x0416, 0x2005), CONFIG, INTERFACE(255, 3),
         ENDPOINT(2, 2, 512), ENDPOINT(0x81, 2, 512), ENDPOINT(0x83, 2, 512));
    SEED("v1", NAMES, DEVICE(0x0416, 0x5020), CONFIG, INTERFACE(3, 2), ENDPOINT(0x83, 3, 64),
         ENDPOINT(4, 3, 64));
    SEED("nu-link", 0, 0, 0, DEVICE(0x0416, 0x5200), CONFIG, INTERFACE(255, 2),
         ENDPOINT(0x81, 2, 512), ENDPOINT(2, 2, 512));
    SEED("short-descriptor", NAMES, 18, 1, 0, 2, CONFIG, 9, 4, 0);
    SEED("no-length", NAMES, 0, 4, 1, 4);
    SEED("strings", 4, 7, 27, 0xff, 0x7f, 3, '\n', 0, 'x', DAP, CONFIG, INTERFACE(255, 2),
         ENDPOINT(2, 2, 512), ENDPOINT(0x81, 2, 512));
}
