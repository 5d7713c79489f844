/* SPDX-License-Identifier: MIT */
/*
 * Finds another program that uses a probe, through sysfs and /proc. Called by usb.c before it
 * opens one, and by usb_list.c. It must not open the probe itself.
 */

#include "station-agent/probe/usb_user.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOLDER_NAME_MAX = 100 };

/* The nodes that a user of the probe has open. */
struct nodes {
    char usb[USB_PATH_MAX];
    char hidraw[USB_PATH_MAX]; /* "" without one */
};

static bool ends_with(const char *text, const char *tail)
{
    size_t a = strlen(text), b = strlen(tail);
    return a >= b && strcmp(text + a - b, tail) == 0;
}

/* Where a symbolic link points; "" if there is none. */
static void read_link(const char *path, char out[static USB_PATH_MAX])
{
    ssize_t len = readlink(path, out, USB_PATH_MAX - 1);
    out[len < 0 ? 0 : len] = '\0';
}

static bool is_claimed(const struct usb_roots *roots, const struct usb_seen *seen,
                       const struct usb_pipe *pipe)
{
    char folder[USB_PATH_MAX], path[USB_PATH_MAX + 16], driver[USB_PATH_MAX];
    if (!pipe->found)
        return false;
    usb_interface_path(roots, seen, pipe->number, folder);
    snprintf(path, sizeof(path), "%s/driver", folder);
    read_link(path, driver);
    return ends_with(driver, "/usbfs");
}

/* The first entry of a folder that begins with prefix and is told apart by has. */
static bool find_entry(const char *folder, const char *prefix, char has,
                       char out[static HOLDER_NAME_MAX])
{
    bool found = false;
    DIR *d = opendir(folder);
    if (d == NULL)
        return false;
    for (struct dirent *e = readdir(d); e != NULL && !found; e = readdir(d)) {
        found = strncmp(e->d_name, prefix, strlen(prefix)) == 0 && e->d_name[0] != '.' &&
                (has == '\0' || strchr(e->d_name, has) != NULL) &&
                strlen(e->d_name) < HOLDER_NAME_MAX;
        if (found)
            snprintf(out, HOLDER_NAME_MAX, "%.99s", e->d_name);
    }
    closedir(d);
    return found;
}

/* INTERFACE/BUS:VENDOR:PRODUCT.N/hidraw/hidrawM, while usbhid drives it. */
static void find_hidraw(const struct usb_roots *roots, const struct usb_seen *seen,
                        char out[static USB_PATH_MAX])
{
    char folder[USB_PATH_MAX], hid[HOLDER_NAME_MAX], raw[HOLDER_NAME_MAX];
    char path[USB_PATH_MAX + HOLDER_NAME_MAX + 16];
    out[0] = '\0';
    if (!seen->pipes[USB_V1].found)
        return;
    usb_interface_path(roots, seen, seen->pipes[USB_V1].number, folder);
    if (!find_entry(folder, "", ':', hid))
        return;
    snprintf(path, sizeof(path), "%s/%s/hidraw", folder, hid);
    if (find_entry(path, "hidraw", '\0', raw))
        snprintf(out, USB_PATH_MAX, "%s/%s", roots->dev, raw);
}

/* Does that process have one of the nodes open? */
static bool has_open(const char *process, const struct nodes *nodes, bool *hidraw_out)
{
    char folder[USB_PATH_MAX + 8], path[2 * USB_PATH_MAX], target[USB_PATH_MAX];
    bool found = false;
    snprintf(folder, sizeof(folder), "%s/fd", process);
    DIR *d = opendir(folder);
    if (d == NULL)
        return false;
    for (struct dirent *e = readdir(d); e != NULL && !found; e = readdir(d)) {
        snprintf(path, sizeof(path), "%s/%.20s", folder, e->d_name);
        read_link(path, target);
        *hidraw_out = nodes->hidraw[0] != '\0' && strcmp(target, nodes->hidraw) == 0;
        found = *hidraw_out || strcmp(target, nodes->usb) == 0;
    }
    closedir(d);
    return found;
}

/* The process that has a node open, one that uses hidraw first: that is use by itself. */
static bool find_process(const struct usb_roots *roots, const struct nodes *nodes,
                         struct usb_holder *holder_out)
{
    char process[USB_PATH_MAX], path[USB_PATH_MAX + 8];
    bool hidraw = false;
    DIR *d = opendir(roots->proc);
    if (d == NULL)
        return false;
    for (struct dirent *e = readdir(d); e != NULL && !hidraw; e = readdir(d)) {
        bool uses_hidraw = false;
        int pid = (int)strtol(e->d_name, NULL, 10);
        snprintf(process, sizeof(process), "%s/%.20s", roots->proc, e->d_name);
        if (pid <= 0 || pid == getpid() || !has_open(process, nodes, &uses_hidraw))
            continue;
        if (holder_out->pid != 0 && !uses_hidraw)
            continue;
        hidraw = uses_hidraw;
        holder_out->pid = pid;
        snprintf(path, sizeof(path), "%s/comm", process);
        usb_read_line(path, holder_out->program, sizeof(holder_out->program));
    }
    closedir(d);
    return hidraw;
}

bool usb_user_find(const struct usb_roots *roots, const struct usb_seen *seen,
                   struct usb_holder *holder_out)
{
    struct nodes nodes;
    *holder_out = (struct usb_holder){ 0 };
    usb_node_path(roots, seen, nodes.usb);
    find_hidraw(roots, seen, nodes.hidraw);
    bool hidraw = find_process(roots, &nodes, holder_out);
    return hidraw || is_claimed(roots, seen, &seen->pipes[USB_V2]) ||
           is_claimed(roots, seen, &seen->pipes[USB_V1]);
}
