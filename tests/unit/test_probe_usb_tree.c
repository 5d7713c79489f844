/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/wr.h"
#include "tests/unit/test_probe_usb_tree.h"

struct usb_roots tree;

static char base[64], sysfs[80], dev[80], proc[80], lock[80];

void tree_path(const char *path, char out[static USB_PATH_MAX])
{
    assert_true(snprintf(out, USB_PATH_MAX, "%s/%s", base, path) < USB_PATH_MAX);
}

static void make_folders(char *path)
{
    for (char *slash = strchr(path + strlen(base) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

void tree_file(const char *path, const void *bytes, size_t len)
{
    char whole[USB_PATH_MAX];
    tree_path(path, whole);
    make_folders(whole);
    FILE *f = fopen(whole, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

void tree_text(const char *path, const char *text)
{
    tree_file(path, text, strlen(text));
}

void tree_link(const char *path, const char *target)
{
    char whole[USB_PATH_MAX];
    tree_path(path, whole);
    make_folders(whole);
    assert_int_equal(symlink(target, whole), 0);
}

static void put_endpoint(struct wr *w, uint8_t address, uint8_t attributes, uint16_t size)
{
    wr_u8(w, 7);
    wr_u8(w, 5);
    wr_u8(w, address);
    wr_u8(w, attributes);
    wr_u16le(w, size);
    wr_u8(w, 1);
}

static void put_interface(struct wr *w, uint8_t number, uint8_t alternate, uint8_t endpoints,
                          uint32_t class)
{
    const uint8_t bytes[] = { 9,
                              4,
                              number,
                              alternate,
                              endpoints,
                              (uint8_t)(class >> 16),
                              (uint8_t)(class >> 8),
                              (uint8_t) class,
                              0 };
    wr_span(w, SPAN(bytes));
}

static void put_hid(struct wr *w, uint8_t number, bool out)
{
    static const uint8_t hid[] = { 9, 0x21, 0x11, 0x01, 0, 1, 0x22, 33, 0 };
    put_interface(w, number, 0, out ? 2 : 1, 0x030000);
    wr_span(w, SPAN(hid));
    put_endpoint(w, 0x83, 3, 64);
    if (out)
        put_endpoint(w, 0x04, 3, 64);
}

static void put_bulk(struct wr *w, uint8_t number, uint8_t alternate, uint32_t class,
                     uint16_t size)
{
    put_interface(w, number, alternate, 2, class);
    put_endpoint(w, 0x02, 2, size);
    put_endpoint(w, 0x81, 2, size);
}

static void put_kind(struct wr *w, uint8_t number, enum tree_kind kind)
{
    switch (kind) {
    case TREE_NONE:
        break;
    case TREE_V2:
        put_bulk(w, number, 0, 0xFF0000, 512);
        break;
    case TREE_V2_SWO:
        put_interface(w, number, 0, 3, 0xFF0000);
        put_endpoint(w, 0x02, 2, 512);
        put_endpoint(w, 0x81, 2, 512);
        put_endpoint(w, 0x85, 2, 512);
        break;
    case TREE_V2_ALT:
        put_interface(w, number, 0, 0, 0xFF0000);
        put_bulk(w, number, 1, 0xFF0000, 512);
        break;
    case TREE_V2_SMALL:
        put_bulk(w, number, 0, 0xFF0000, 32);
        break;
    case TREE_ICE:
        put_interface(w, number, 0, 2, 0xFF0000);
        put_endpoint(w, 0x81, 2, 512);
        put_endpoint(w, 0x02, 2, 512);
        break;
    case TREE_VENDOR_1:
        put_bulk(w, number, 0, 0xFF0100, 512);
        break;
    case TREE_V1:
    case TREE_V1_IN:
        put_hid(w, number, kind == TREE_V1);
        break;
    case TREE_MOUSE:
        put_interface(w, number, 0, 2, 0x030102);
        put_endpoint(w, 0x83, 3, 64);
        put_endpoint(w, 0x04, 3, 64);
        break;
    case TREE_CDC:
        put_bulk(w, number, 0, 0x0A0000, 512);
        break;
    }
}

/* Two configurations; the second one is in use. The first would do as well. */
static struct span describe(const struct tree_device *d, uint8_t *bytes, size_t cap)
{
    static const uint8_t first[] = { 9, 2, 0, 0, 1, 7, 0, 0x80, 50 };
    static const uint8_t second[] = { 9, 2, 0, 0, 1, 1, 0, 0x80, 50 };
    struct wr w = wr_of(bytes, cap);
    const uint8_t head[] = { 18, 1, 0, 2, 0, 0, 0, 64 };
    wr_span(&w, SPAN(head));
    wr_u16le(&w, d->vendor);
    wr_u16le(&w, d->product);
    for (int i = 0; i < 6; i++)
        wr_u8(&w, 1);
    wr_span(&w, SPAN(first));
    put_kind(&w, 9, d->interfaces[0].kind);
    wr_span(&w, SPAN(second));
    for (uint8_t i = 0; i < TREE_INTERFACES; i++)
        put_kind(&w, i, d->interfaces[i].kind);
    assert_int_equal(wr_end(&w), ERR_OK);
    return wr_done(&w);
}

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[USB_PATH_MAX], line[400];
    if (text == NULL)
        return;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(line, sizeof(line), "%s\n", text);
    tree_text(path, line);
}

static void plug_one(const struct tree_device *d, unsigned number)
{
    char folder[USB_PATH_MAX - 80], path[USB_PATH_MAX], text[16];
    uint8_t bytes[512];
    struct span descriptors = describe(d, bytes, sizeof(bytes));
    snprintf(folder, sizeof(folder), "sys/%s", d->port);
    snprintf(path, sizeof(path), "%s/descriptors", folder);
    tree_file(path, descriptors.ptr, descriptors.len);
    write_text(folder, "serial", d->serial);
    write_text(folder, "product", d->name);
    write_text(folder, "busnum", "1");
    write_text(folder, "bConfigurationValue", "1");
    snprintf(text, sizeof(text), "%u", number);
    write_text(folder, "devnum", text);
    for (unsigned i = 0; i < TREE_INTERFACES; i++) {
        snprintf(folder, sizeof(folder), "sys/%s:1.%u", d->port, i);
        write_text(folder, "interface", d->interfaces[i].name);
    }
    snprintf(path, sizeof(path), "dev/bus/usb/001/%03u", number);
    tree_text(path, "");
}

static int forget(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    return where->level == 0 ? 0 : remove(path);
}

void tree_plug(const struct tree_device *list, size_t count)
{
    assert_int_equal(nftw(base, forget, 16, FTW_DEPTH | FTW_PHYS), 0);
    tree_text("sys/usb1/product", "CMSIS-DAP root hub\n");
    tree_text("dev/null", "");
    tree_text("proc/locks", "");
    tree_text("lock/other", "");
    for (size_t i = 0; i < count; i++)
        plug_one(&list[i], (unsigned)i + 10);
}

int tree_up(void **state)
{
    (void)state;
    snprintf(base, sizeof(base), "/tmp/hallmark-usb-XXXXXX");
    if (mkdtemp(base) == NULL)
        return -1;
    snprintf(sysfs, sizeof(sysfs), "%s/sys", base);
    snprintf(dev, sizeof(dev), "%s/dev", base);
    snprintf(proc, sizeof(proc), "%s/proc", base);
    snprintf(lock, sizeof(lock), "%s/lock", base);
    tree = (struct usb_roots){ sysfs, dev, proc, lock };
    tree_plug(NULL, 0);
    return 0;
}

int tree_down(void **state)
{
    (void)state;
    assert_int_equal(nftw(base, forget, 16, FTW_DEPTH | FTW_PHYS), 0);
    return rmdir(base);
}
