/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"

/* GRAND_MASTER, which linuxptp tells of its own port. */
#define GRAND_MASTER 10

int role_state(unsigned int told)
{
	if (told == GRAND_MASTER) {
		return GNOMON_PORT_TIME_TRANSMITTER;
	}
	return told >= GNOMON_PORT_INITIALIZING && told <= GNOMON_PORT_TIME_RECEIVER ? (int)told
										     : 0;
}

/* The standard's numbers are in this order. */
int role_foremost(int a, int b)
{
	return a > b ? a : b;
}

/* A port that does not follow the network may be kept. A clock that is being calibrated stays what
 * it is; but a pulse from outside is no match for the network. */
static void set_target(struct role *role, bool external)
{
	if (role->state == GNOMON_PORT_TIME_RECEIVER || role->state == GNOMON_PORT_UNCALIBRATED) {
		role->target = role->target && !external;
	} else if (role->state >= GNOMON_PORT_FAULTY) {
		role->target = true;
	}
}

enum role_choice role_choose(struct role *roles, size_t count, bool external, int *reference)
{
	int receiver = -1, first = -1;
	size_t following = 0, targets = 0;

	*reference = -1;
	for (size_t i = 0; i < count; i++) {
		const int state = roles[i].state;
		const bool follows = state == GNOMON_PORT_TIME_RECEIVER ||
				     state == GNOMON_PORT_UNCALIBRATED;

		set_target(&roles[i], external);
		following += follows;
		targets += !follows && state >= GNOMON_PORT_FAULTY;
		receiver = state == GNOMON_PORT_TIME_RECEIVER ? (int)i : receiver;
		first = state != 0 && first < 0 ? (int)i : first;
	}
	if (external) {
		return ROLE_EXTERNAL;
	}
	if (following > 1) {
		return ROLE_SEVERAL;
	}
	if (receiver < 0 && following > 0) {
		return ROLE_NOT_READY;
	}
	if (receiver < 0 && targets == 0) {
		return ROLE_NOTHING;
	}
	*reference = receiver < 0 ? first : receiver;
	roles[*reference].target = false;
	return receiver < 0 ? ROLE_DEFAULT : ROLE_CHOSEN;
}

const char *role_choice_text(enum role_choice choice)
{
	switch (choice) {
	case ROLE_CHOSEN:
		return "selecting %s as the reference clock";
	case ROLE_EXTERNAL:
		return "assuming external reference clock";
	case ROLE_DEFAULT:
		return "no reference clock, selecting %s by default";
	case ROLE_SEVERAL:
		return "multiple reference clocks available, postponing sync...";
	case ROLE_NOT_READY:
		return "reference clock not ready, waiting...";
	case ROLE_NOTHING:
		break;
	}
	return "no PHC ready, waiting...";
}
