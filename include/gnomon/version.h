/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Version of the library and of its binary interface.
 *
 * The build reads these numbers from here: GNOMON_VERSION_STRING names the release,
 * GNOMON_ABI is the shared library's SONAME and rises with every incompatible change.
 */
#ifndef GNOMON_VERSION_H
#define GNOMON_VERSION_H

#define GNOMON_VERSION_MAJOR 0
#define GNOMON_VERSION_MINOR 1
#define GNOMON_VERSION_PATCH 0
#define GNOMON_VERSION_STRING "0.1.0"
#define GNOMON_ABI 0

/* Marks what the shared library exports; everything else is hidden. */
#if defined(__GNUC__)
#define GNOMON_EXPORT __attribute__((visibility("default")))
#else
#define GNOMON_EXPORT
#endif

#endif
