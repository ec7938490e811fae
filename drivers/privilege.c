/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/privilege.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

const char *privilege_name(enum privilege privilege)
{
	switch (privilege) {
	case PRIVILEGE_NET_BIND_SERVICE:
		return "CAP_NET_BIND_SERVICE";
	case PRIVILEGE_NET_ADMIN:
		return "CAP_NET_ADMIN";
	case PRIVILEGE_NET_RAW:
		return "CAP_NET_RAW";
	case PRIVILEGE_SYS_TIME:
		return "CAP_SYS_TIME";
	}
	return "a capability";
}

bool privilege_has(enum privilege privilege)
{
	unsigned long long effective = ~0ull;
	char line[128];
	FILE *f;

	/* capget() has no libc wrapper outside of libcap; this is for error texts only. */
	f = fopen("/proc/self/status", "re");
	if (!f) {
		return true;
	}
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "CapEff: %llx", &effective) == 1) {
			break;
		}
	}
	(void)fclose(f);
	return (effective >> privilege) & 1;
}

int privilege_fail(struct driver_error *error, int code, enum privilege privilege,
		   const char *where, const char *what)
{
	if (code == -EPERM || code == -EACCES) {
		return driver_fail(error, code, "%s: no permission to %s: run as root or with %s",
				   where, what, privilege_name(privilege));
	}
	return driver_fail(error, code, "%s: cannot %s: %s", where, what, driver_strerror(code));
}
