/* SPDX-License-Identifier: MIT */
/* image_kind: the names of the kinds of images on the command line. */
#pragma once

#include "oem-server/ctl/option.h"

extern const struct option_choice
    image_kinds[]; /* the first is what firmware release defaults to */
