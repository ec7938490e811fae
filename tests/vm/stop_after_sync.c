/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preloaded into a program, this sends it SIGTERM right after its STOP_AFTER_SYNCth Sync was handed
 * to the kernel, when the timestamp of that Sync has not been taken yet. Without the variable in
 * the environment it does nothing.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

__attribute__((visibility("default"))) ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	static int syncs;
	ssize_t (*real)(int, const struct msghdr *, int) =
		(ssize_t(*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT, "sendmsg");
	const ssize_t result = real(fd, msg, flags);
	const char *wanted = getenv("STOP_AFTER_SYNC");
	const uint8_t *data = msg->msg_iovlen ? msg->msg_iov[0].iov_base : NULL;

	/* A Sync has 44 octets and a messageType of 0; nothing else that is sent here has both. */
	if (wanted && data && msg->msg_iov[0].iov_len == 44 && (data[0] & 0x0f) == 0 &&
	    ++syncs == atoi(wanted)) {
		(void)raise(SIGTERM);
	}
	return result;
}
