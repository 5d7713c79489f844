/* SPDX-License-Identifier: MIT */
/*
 * Parses a usb: URI and chooses among the probes that usb_scan.c found. Called by usb.c. It
 * must not choose when more than one fits.
 */

#include "station-agent/probe/usb_pick.h"

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"

enum { LIST_MAX = 300, MORE_MAX = 50 };
static const char nu_link_advice[] =
    "set CMSIS-DAP=1 in NU_CFG.TXT on its drive, plug it in again";

static bool is_usable(const struct usb_seen *seen)
{
    return seen->pipes[USB_V2].found || seen->pipes[USB_V1].found;
}

const char *usb_mode_advice(const struct usb_seen *seen)
{
    return is_usable(seen)                        ? NULL
           : seen->flaw != NULL && !seen->nu_link ? seen->flaw
                                                  : nu_link_advice;
}

void usb_seen_words(const struct usb_seen *seen, char *out, size_t size)
{
    snprintf(out, size, "usb:port=%s (%04x:%04x %s, %s%s)", seen->port, seen->vendor_id,
             seen->product_id, seen->product, seen->serial[0] == '\0' ? "no serial" : "serial ",
             seen->serial);
}

/* Moves *rest over word if it stands there, and over a comma after it. */
static bool take_word(const char **rest, const char *word)
{
    size_t len = strlen(word);
    const char *after = *rest + len;
    if (strncmp(*rest, word, len) != 0 || (*after != '\0' && *after != ','))
        return false;
    *rest = *after == ',' ? after + 1 : after;
    return true;
}

static const char *value_of(const char *rest, const char *key)
{
    size_t len = strlen(key);
    return strncmp(rest, key, len) == 0 && rest[len] != '\0' ? rest + len : NULL;
}

enum err usb_wish_parse(const char *uri, struct usb_wish *wish_out)
{
    const char *rest = uri + strlen("usb:");
    struct usb_wish wish = { .version = USB_V2 };
    if (take_word(&rest, "v1"))
        wish.version = USB_V1;
    else if (!take_word(&rest, "v2"))
        wish.any_version = true;
    wish.serial = value_of(rest, "serial=");
    wish.port = value_of(rest, "port=");
    if (*rest != '\0' && wish.serial == NULL && wish.port == NULL)
        return fail(ERR_USAGE,
                    "probe: '%.80s': want usb:serial=S, usb:port=P or usb: (v1, or v2, may "
                    "stand first: usb:v1,port=P)",
                    uri);
    *wish_out = wish;
    return ERR_OK;
}

static bool has_version(const struct usb_seen *seen, const struct usb_wish *wish)
{
    return wish->any_version ? is_usable(seen) : seen->pipes[wish->version].found;
}

static bool is_meant(const struct usb_seen *seen, const struct usb_wish *wish)
{
    if (wish->serial != NULL)
        return strcmp(seen->serial, wish->serial) == 0;
    return wish->port == NULL || strcmp(seen->port, wish->port) == 0;
}

/* Those that fit, one after another, as far as there is room. How many there are. */
static size_t list_words(const struct usb_list *list,
                         bool (*fits)(const struct usb_seen *seen, const struct usb_wish *wish),
                         const struct usb_wish *wish, char out[static LIST_MAX])
{
    size_t len = 0, count = 0, told = 0;
    out[0] = '\0';
    for (size_t i = 0; i < list->count; i++) {
        char one[LIST_MAX];
        if (!fits(&list->seen[i], wish))
            continue;
        usb_seen_words(&list->seen[i], one, sizeof(one));
        count++;
        size_t need = strlen(one) + (len == 0 ? 0 : 2);
        if (told + 1 != count || len + need + MORE_MAX > LIST_MAX)
            continue;
        len += (size_t)snprintf(out + len, LIST_MAX - len, "%s%s", len == 0 ? "" : ", ", one);
        told++;
    }
    if (told != count || list->left_out != 0)
        snprintf(out + len, LIST_MAX - len, " and %zu more (station-agent probes)",
                 count - told + list->left_out);
    return count;
}

static bool fits(const struct usb_seen *seen, const struct usb_wish *wish)
{
    return has_version(seen, wish) && is_meant(seen, wish);
}

static bool lacks_version(const struct usb_seen *seen, const struct usb_wish *wish)
{
    return is_usable(seen) && is_meant(seen, wish);
}

static bool is_unusable(const struct usb_seen *seen, const struct usb_wish *wish)
{
    return !is_usable(seen) && is_meant(seen, wish);
}

static bool is_another(const struct usb_seen *seen, const struct usb_wish *wish)
{
    (void)wish;
    return is_usable(seen);
}

static const char *advice_of_first(const struct usb_list *list, const struct usb_wish *wish)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_unusable(&list->seen[i], wish))
            return usb_mode_advice(&list->seen[i]);
    return nu_link_advice;
}

/* None fits: the most specific reason that is known. */
static enum err none(const struct usb_list *list, const char *uri, const struct usb_wish *wish)
{
    char words[LIST_MAX];
    if (list_words(list, lacks_version, wish, words) > 0)
        return fail(ERR_NOT_FOUND, "probe: %.80s: no CMSIS-DAP %s interface in %s", uri,
                    wish->version == USB_V1 ? "v1 (HID)" : "v2 (bulk)", words);
    if (list_words(list, is_unusable, wish, words) > 0)
        return fail(ERR_NOT_FOUND, "probe: %.80s: cannot be used: %s; %s", uri, words,
                    advice_of_first(list, wish));
    if (list_words(list, is_another, wish, words) > 0)
        return fail(ERR_NOT_FOUND, "probe: %.80s: not there; there are %s", uri, words);
    return fail(ERR_NOT_FOUND, "probe: %.80s: no debug probe on USB; is it plugged in?", uri);
}

enum err usb_pick(const struct usb_list *list, const char *uri, struct usb_choice *out)
{
    char words[LIST_MAX];
    struct usb_wish wish;
    TRY(usb_wish_parse(uri, &wish));
    size_t fit = list_words(list, fits, &wish, words);
    if (fit == 0)
        return none(list, uri, &wish);
    if (fit > 1)
        return fail(ERR_CONFIG, "probe: %.80s: %zu probes fit, choose by port: %s", uri, fit,
                    words);
    for (size_t i = 0; i < list->count; i++)
        if (fits(&list->seen[i], &wish))
            out->seen = &list->seen[i];
    bool v2 = wish.any_version ? out->seen->pipes[USB_V2].found : wish.version == USB_V2;
    out->version = v2 ? USB_V2 : USB_V1;
    return ERR_OK;
}
