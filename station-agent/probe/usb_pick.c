#include "station-agent/probe/usb_pick.h"

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"

enum {
    CLASS_HID = 0x03,
    CLASS_VENDOR = 0xFF,
    NUVOTON = 0x0416,
    LIST_MAX = 300,
};

/* What to do about a device in a mode that we do not speak. */
static const char *const advice[] = {
    [USB_NU_LINK] = "set CMSIS-DAP=1 in NU_CFG.TXT on its drive",
    [USB_HID_ONLY] = "it speaks CMSIS-DAP v1 only: its firmware needs v2 (bulk)",
};

/* The first line of a small file of sysfs; "" if there is none. Control bytes become '?'. */
static void read_line(const char *path, char *out, size_t size)
{
    out[0] = '\0';
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return;
    if (fgets(out, (int)size, f) == NULL)
        out[0] = '\0';
    fclose(f);
    out[strcspn(out, "\n")] = '\0';
    for (char *c = out; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
}

static bool says_dap(const char *text)
{
    return strstr(text, "CMSIS-DAP") != NULL || strstr(text, "CMSIS_DAP") != NULL;
}

static void read_string(const struct usb_seen *seen, const char *sysfs, const char *name,
                        char out[static USB_TEXT_MAX])
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s/%s", sysfs, seen->port, name);
    read_line(path, out, USB_TEXT_MAX);
}

/* 0416: Nuvoton's Nu-Link, Nu-Link2 and their variants in Nuvoton's own protocol. */
static bool is_nu_link(const struct usb_seen *seen)
{
    static const uint16_t products[] = { 0x511B, 0x511C, 0x511D, 0x5200, 0x5201 };
    for (size_t i = 0; i < COUNT(products); i++)
        if (seen->vendor_id == NUVOTON && seen->product_id == products[i])
            return true;
    return false;
}

void usb_seen_read(struct usb_seen *seen, const char *sysfs)
{
    read_string(seen, sysfs, "serial", seen->serial);
    read_string(seen, sysfs, "product", seen->product);
    seen->mode = is_nu_link(seen) ? USB_NU_LINK : USB_OTHER;
}

/* CMSIS-DAP 2.1, "CMSIS-DAP v2": vendor class, bulk OUT first, then bulk IN, perhaps one more
 * for SWO. An interface without a name is believed if the product's name says it. */
static bool is_bulk(const struct usb_seen *seen, const struct usb_interface *i,
                    const char *name)
{
    bool named = says_dap(name) || (name[0] == '\0' && says_dap(seen->product));
    return named && i->class == CLASS_VENDOR && i->subclass == 0 && i->protocol == 0 &&
           i->out_then_in && (i->endpoints == 2 || i->endpoints == 3);
}

void usb_seen_consider(struct usb_seen *seen, const char *sysfs, uint8_t configuration,
                       const struct usb_interface *interface)
{
    char path[256], name[USB_TEXT_MAX];
    snprintf(path, sizeof(path), "%s/%s:%u.%u/interface", sysfs, seen->port, configuration,
             interface->number);
    read_line(path, name, sizeof(name));
    if (seen->mode == USB_BULK)
        return;
    if (is_bulk(seen, interface, name)) {
        seen->mode = USB_BULK;
        seen->interface = interface->number;
        seen->out = interface->out;
        seen->in = interface->in;
    } else if (interface->class == CLASS_HID && (says_dap(name) || says_dap(seen->product))) {
        seen->mode = USB_HID_ONLY;
    }
}

void usb_seen_words(const struct usb_seen *seen, char *out, size_t size)
{
    snprintf(out, size, "usb:port=%s (%04x:%04x %s, %s%s)", seen->port, seen->vendor_id,
             seen->product_id, seen->product, seen->serial[0] == '\0' ? "no serial" : "serial ",
             seen->serial);
}

enum err usb_list_words(const struct usb_list *list, struct buf *text_out)
{
    AUTO(buf_free) struct buf text = { 0 };
    for (size_t i = 0; i < list->count; i++) {
        const struct usb_seen *seen = &list->seen[i];
        char one[LIST_MAX], line[2 * LIST_MAX];
        bool usable = seen->mode == USB_BULK;
        usb_seen_words(seen, one, sizeof(one));
        int n = snprintf(line, sizeof(line), "%s%s%s\n", one,
                         usable ? "" : ": wrong mode: ", usable ? "" : advice[seen->mode]);
        TRY(buf_append(&text, span_of(line, (size_t)n)));
    }
    buf_free(text_out);
    *text_out = buf_take(&text);
    return ERR_OK;
}

/* Those of a mode, one after another, as far as there is room. */
static void list_words(const struct usb_list *list, enum usb_mode mode,
                       char out[static LIST_MAX])
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < list->count; i++) {
        char one[LIST_MAX];
        if (list->seen[i].mode != mode)
            continue;
        usb_seen_words(&list->seen[i], one, sizeof(one));
        int n = snprintf(out + len, LIST_MAX - len, "%s%s", len == 0 ? "" : ", ", one);
        if (n < 0 || (size_t)n >= LIST_MAX - len)
            return;
        len += (size_t)n;
    }
}

static size_t count_of(const struct usb_list *list, enum usb_mode mode)
{
    size_t n = 0;
    for (size_t i = 0; i < list->count; i++)
        n += list->seen[i].mode == mode;
    return n;
}

static const char *value_of(const char *uri, const char *key)
{
    const char *rest = uri + strlen("usb:");
    size_t len = strlen(key);
    return strncmp(rest, key, len) == 0 && rest[len] != '\0' ? rest + len : NULL;
}

static bool is_meant(const struct usb_seen *seen, const char *serial, const char *port)
{
    if (serial != NULL)
        return strcmp(seen->serial, serial) == 0;
    return port == NULL || strcmp(seen->port, port) == 0;
}

/* Nothing fits: say the most helpful thing that is known. */
static enum err none(const struct usb_list *list, const char *uri)
{
    char words[LIST_MAX];
    if (count_of(list, USB_BULK) > 0) {
        list_words(list, USB_BULK, words);
        return fail(ERR_NOT_FOUND, "probe: %.80s: not there; there are %s", uri, words);
    }
    if (count_of(list, USB_NU_LINK) > 0) {
        list_words(list, USB_NU_LINK, words);
        return fail(ERR_NOT_FOUND, "probe: %.80s: wrong mode: %s; %s", uri, words,
                    advice[USB_NU_LINK]);
    }
    if (count_of(list, USB_HID_ONLY) > 0) {
        list_words(list, USB_HID_ONLY, words);
        return fail(ERR_NOT_FOUND, "probe: %.80s: wrong mode: %s; %s", uri, words,
                    advice[USB_HID_ONLY]);
    }
    return fail(ERR_NOT_FOUND, "probe: %.80s: no debug probe on USB; is it plugged in?", uri);
}

enum err usb_pick(const struct usb_list *list, const char *uri, const struct usb_seen **out)
{
    const char *serial = value_of(uri, "serial="), *port = value_of(uri, "port=");
    const struct usb_seen *found = NULL;
    size_t fit = 0;
    if (serial == NULL && port == NULL && strcmp(uri, "usb:") != 0)
        return fail(ERR_CONFIG, "probe: '%.80s': want usb:serial=S, usb:port=P or usb:", uri);
    for (size_t i = 0; i < list->count; i++) {
        const struct usb_seen *seen = &list->seen[i];
        if (seen->mode != USB_BULK || !is_meant(seen, serial, port))
            continue;
        found = seen;
        fit++;
    }
    if (fit == 0)
        return none(list, uri);
    if (fit > 1) {
        char words[LIST_MAX];
        list_words(list, USB_BULK, words);
        return fail(ERR_CONFIG, "probe: %.80s: %zu probes fit, choose by port: %s", uri, fit,
                    words);
    }
    *out = found;
    return ERR_OK;
}
