/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What both ends of the daemon's control socket know: a line is an object of JSON, and each request
 * has one answer. docs/CONTROL.md is its reference.
 */
#ifndef CONTROL_PROTOCOL_H
#define CONTROL_PROTOCOL_H

/** Members and methods are added without a new version; nothing that is there changes its sense. */
#define CONTROL_VERSION 1

/** Where a daemon listens unless told otherwise. */
#define CONTROL_FOLDER "/run/gnomon"
#define CONTROL_PATH CONTROL_FOLDER "/control"

/** Longest request, without its newline, and how deep objects and arrays may be nested in it. */
#define CONTROL_LINE_MAX 8192
#define CONTROL_DEPTH_MAX 8

/** Guests in one answer of vm.list; the rest comes with the next one. */
#define CONTROL_PAGE 32

/** Codes of errors, which do not change; what people read does. */
#define CONTROL_SYNTAX "syntax"     /* the line is no JSON, or too long, or too deep */
#define CONTROL_REQUEST "request"   /* it is JSON, but no request */
#define CONTROL_VERSION_BAD "version" /* the client speaks another one */
#define CONTROL_METHOD "method"     /* there is no such method */
#define CONTROL_PARAMS "params"     /* its parameters are wrong */
#define CONTROL_DENIED "denied"     /* who asks may not */
#define CONTROL_ABSENT "absent"     /* what it is about is not there */
#define CONTROL_EXISTS "exists"     /* it is there already */
#define CONTROL_BUSY "busy"         /* not now */
#define CONTROL_FAILED "failed"     /* it was tried, and failed */

#endif
