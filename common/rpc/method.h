/* SPDX-License-Identifier: MIT */
/*
 * method: what a call of a method does to the server's store.
 *
 * The one table of it: the server enters and settles calls by it, and clients learn from it
 * which calls carry an idempotency key. Adding a method that does not change the store: a row
 * in method.c (test_method). No state; any thread.
 */
#pragma once

/* Calls that are not reads are logged and take an idempotency key. A call that only notes has
 * an entry but changes nothing in the store: its entry is committed with the next change of its
 * run. */
enum method_effect { METHOD_CHANGES, METHOD_NOTES, METHOD_READS };

/* Of "hallmark.v1.Service/Method". A method that has no row is one that changes something, so
 * that a call of a new method is safe to repeat. */
enum method_effect method_effect(const char *full);
