/* SPDX-License-Identifier: BSD-2-Clause */
/* From the configuration to files and processes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/net_tstamp.h>

#include "timemaster.h"

#define HARDWARE                                                                                   \
	((uint32_t)SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |                   \
	 SOF_TIMESTAMPING_RAW_HARDWARE)
#define SOFTWARE                                                                                   \
	((uint32_t)SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |                   \
	 SOF_TIMESTAMPING_SOFTWARE)

/* Clocks of interfaces, besides the number of a PHC. */
enum { PHC_NONE = -1, PHC_MERGED = -2 };

struct planner {
	struct tm_plan *plan;
	const struct tm_config *config;
	tm_query_fn *query;
	struct driver_error *error;
	char *ntp;      /* configuration of the NTP program */
	int *taken;     /* PHCs that a source has to itself */
	size_t taken_count;
	int refclock;   /* sources of the NTP program so far */
	int group;
};

/* A PTP source is called by its number among them; before linuxptp 4 by its segment of memory. */
static int segment_of(const struct planner *p)
{
	return p->refclock + p->config->first_shm_segment;
}

static int id_of(const struct planner *p)
{
	return p->plan->old ? segment_of(p) : p->refclock;
}

/* chronyd has a socket for it, ntpd a segment of shared memory, and linuxptp 3 knows only that. */
static bool by_socket(const struct planner *p)
{
	return p->config->ntp == TM_CHRONYD && !p->plan->old;
}

static struct tm_file *add_file(struct planner *p, char *path)
{
	struct tm_plan *plan = p->plan;

	plan->files = array_grow(plan->files, plan->file_count, sizeof(*plan->files));
	plan->files[plan->file_count].path = path;
	return &plan->files[plan->file_count++];
}

static struct words *add_command(struct planner *p, const struct tm_program *program)
{
	struct tm_plan *plan = p->plan;
	struct tm_command *c;

	plan->commands = array_grow(plan->commands, plan->command_count, sizeof(*plan->commands));
	c = &plan->commands[plan->command_count++];
	c->group = p->group;
	words_add(&c->words, "%s", program->path);
	words_add_all(&c->words, &program->options);
	return &c->words;
}

/* -- virtual clocks --------------------------------------------------------------------------- */

static bool kernel_since(int version, int patch)
{
	struct utsname name;
	int v, p;

	return uname(&name) == 0 && sscanf(name.release, "%d.%d", &v, &p) == 2 &&
	       (v > version || (v == version && p >= patch));
}

/* Since 5.18 sockets can have their stamps from a virtual clock; the driver has to allow it. */
static bool use_vclocks(const struct planner *p, int phc)
{
	const struct tm_config *config = p->config;
	char path[64];

	if (p->plan->old) {
		return false;
	}
	if (config->use_vclocks >= 0) {
		return config->use_vclocks > 0;
	}
	snprintf(path, sizeof(path), "/sys/class/ptp/ptp%d/n_vclocks", phc);
	return kernel_since(5, 18) && access(path, F_OK) == 0;
}

/* Its number among those of the PHC. */
static int add_vclock(struct tm_plan *plan, int phc)
{
	for (size_t i = 0; i < plan->vclock_count; i++) {
		if (plan->vclocks[i].phc == phc) {
			return plan->vclocks[i].wanted++;
		}
	}
	plan->vclocks = array_grow(plan->vclocks, plan->vclock_count, sizeof(*plan->vclocks));
	plan->vclocks[plan->vclock_count++] = (struct tm_vclocks){ phc, 1, -1 };
	return 0;
}

/* -- the NTP program -------------------------------------------------------------------------- */

static void add_lines(char **text, const struct words *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		text_add(text, "%s\n", lines->items[i]);
	}
}

/* Its file is filled in when all sources are known. */
static void add_ntp_program(struct planner *p)
{
	const bool chronyd = p->config->ntp == TM_CHRONYD;
	const struct tm_program *program = chronyd ? &p->config->chronyd : &p->config->ntpd;
	struct tm_file *file = add_file(
		p, text_new("%s/%s.conf", p->config->rundir, chronyd ? "chrony" : "ntp"));
	struct words *words = add_command(p, program);

	words_add(words, "-n");
	words_add(words, chronyd ? "-f" : "-c");
	words_add(words, "%s", file->path);
	p->group++;
	text_add(&p->ntp, "%s", "");
	add_lines(&p->ntp, &program->settings);
}

static void add_ntp_server(struct planner *p, const struct tm_source *s)
{
	text_add(&p->ntp, "server %s minpoll %d maxpoll %d %s %s\n", s->address, s->minpoll,
		 s->maxpoll, s->iburst ? "iburst" : "", s->ntp_options);
}

/* Four octets, whatever the number. */
static void refid(char buf[16], int number)
{
	const int letters = number < 10 ? 3 : number < 100 ? 2 : 1;

	snprintf(buf, 16, "%.*s%d", letters, "PTP", number);
}

static void add_refclock(struct planner *p, const struct tm_source *s)
{
	const struct tm_config *c = p->config;
	const int more = s->ntp_poll - s->phc2sys_poll;
	char id[16];

	refid(id, id_of(p));
	if (by_socket(p)) {
		/* As many samples as are expected between two polls. */
		text_add(&p->ntp,
			 "refclock SOCK %s/chrony.SOCK%d poll %d filter %d refid %s precision "
			 "1.0e-9 delay %.1e %s\n",
			 c->rundir, p->refclock, s->ntp_poll, more > 0 && more < 31 ? 1 << more : 1,
			 id, s->delay, s->ntp_options);
	} else if (c->ntp == TM_CHRONYD) {
		text_add(&p->ntp,
			 "refclock SHM %d poll %d dpoll %d refid %s precision 1.0e-9 delay %.1e "
			 "%s\n",
			 segment_of(p), s->ntp_poll, s->phc2sys_poll, id, s->delay,
			 s->ntp_options);
	} else {
		text_add(&p->ntp,
			 "server 127.127.28.%d minpoll %d maxpoll %d mode 1 %s\n"
			 "fudge 127.127.28.%d refid %s\n",
			 segment_of(p), s->ntp_poll, s->ntp_poll, s->ntp_options, segment_of(p),
			 id);
	}
}

/* -- a PTP domain ----------------------------------------------------------------------------- */

static bool is_taken(const struct planner *p, int phc)
{
	for (size_t i = 0; i < p->taken_count; i++) {
		if (p->taken[i] == phc) {
			return true;
		}
	}
	return false;
}

/* Hardware stamps need a PHC that no source before has to itself. */
static int find_phc(struct planner *p, const char *interface, int *phc)
{
	struct timestamping_info info;
	int err = p->query(interface, &info, p->error);

	if (err) {
		return err;
	}
	*phc = PHC_NONE;
	if ((info.so_timestamping & HARDWARE) == HARDWARE && info.phc_index >= 0) {
		*phc = is_taken(p, info.phc_index) ? PHC_NONE : info.phc_index;
		return 0;
	}
	if ((info.so_timestamping & SOFTWARE) != SOFTWARE) {
		return driver_fail(p->error, -EOPNOTSUPP, "time stamping not supported on %s",
				   interface);
	}
	return 0;
}

/* "1.00", and no rounding to nothing of what is slower than every minute. */
static void format_rate(char buf[32], int poll)
{
	double rate = 1.0;

	for (; poll > 0; poll--) {
		rate /= 2;
	}
	for (; poll < 0; poll++) {
		rate *= 2;
	}
	snprintf(buf, 32, rate < 0.1 ? "%.4g" : "%.2f", rate);
}

static void add_phc2sys(struct planner *p, const struct tm_source *s, const char *uds,
			const char *tag)
{
	const struct tm_config *c = p->config;
	struct words *words = add_command(p, &c->phc2sys);
	char rate[32];

	format_rate(rate, s->phc2sys_poll);
	words_split(words, "-a -r -R");
	words_add(words, "%s", rate);
	words_add(words, "-z");
	words_add(words, "%s", uds);
	words_add(words, "-t");
	words_add(words, "%s", tag);
	words_add(words, "-n");
	words_add(words, "%d", s->domain);
	words_add(words, "-E");
	if (by_socket(p)) {
		words_split(words, "refclock_sock --refclock_sock_address");
		words_add(words, "%s/chrony.SOCK%d", c->rundir, p->refclock);
	} else {
		words_split(words, "ntpshm -M");
		words_add(words, "%d", segment_of(p));
	}
}

/* vclock: the number of the virtual clock's index to come; -1: none. */
static void add_ptp4l(struct planner *p, const char *file, const struct words *interfaces,
		      bool hardware, int phc, int vclock)
{
	struct words *words = add_command(p, &p->config->ptp4l);

	words_add(words, "-f");
	words_add(words, "%s", file);
	words_add(words, hardware ? "-H" : "-S");
	if (vclock >= 0) {
		words_add(words, "--phc_index");
		words_add(words, "%%PHC%d-%d%%", phc, vclock);
	}
	for (size_t i = 0; i < interfaces->count; i++) {
		words_add(words, "-i");
		words_add(words, "%s", interfaces->items[i]);
	}
}

static char *make_tag(const struct tm_source *s, const struct words *interfaces)
{
	char *tag = text_new("[%d", s->domain);

	for (size_t i = 0; i < interfaces->count; i++) {
		text_add(&tag, "%s%s", i ? "+" : ":", interfaces->items[i]);
	}
	text_add(&tag, "]");
	return tag;
}

/* Software time stamps: ptp4l itself hands its measurements on. */
static void add_servo(const struct planner *p, char **text)
{
	if (by_socket(p)) {
		text_add(text,
			 "clock_servo refclock_sock\nrefclock_sock_address %s/chrony.SOCK%d\n",
			 p->config->rundir, p->refclock);
	} else {
		text_add(text, "clock_servo ntpshm\nntpshm_segment %d\n", segment_of(p));
	}
}

static char *ptp4l_conf(struct planner *p, const struct tm_source *s, const char *uds,
			const char *tag, bool hardware)
{
	const struct tm_config *c = p->config;
	char *text = text_new("[global]\n");

	if (c->ptp4l.settings.count > 0) {
		add_lines(&text, &c->ptp4l.settings);
		text_add(&text, "\n[global]\n");
	}
	add_lines(&text, &s->ptp4l_settings);
	text_add(&text, "%s 1\ndomainNumber %d\nuds_address %s\n",
		 p->plan->old ? "slaveOnly" : "clientOnly", s->domain, uds);
	if (!p->plan->old) {
		text_add(&text, "uds_ro_address %s/ptp4lro.%d.socket\n", c->rundir, id_of(p));
	}
	text_add(&text, "message_tag %s\n", tag);
	if (c->user[0] && !p->plan->old) {
		text_add(&text, "user %s\n", c->user);
	}
	if (!hardware) {
		add_servo(p, &text);
	}
	return text;
}

/* One ptp4l on interfaces that share a clock, and the phc2sys that reads it. */
static void add_instance(struct planner *p, const struct tm_source *s,
			 const struct words *interfaces, int phc)
{
	const char *rundir = p->config->rundir;
	char *uds = text_new("%s/ptp4l.%d.socket", rundir, id_of(p));
	char *tag = make_tag(s, interfaces);
	struct tm_file *file = add_file(p, text_new("%s/ptp4l.%d.conf", rundir, id_of(p)));
	int vclock = -1;

	file->content = ptp4l_conf(p, s, uds, tag, phc >= 0);
	if (phc >= 0 && use_vclocks(p, phc)) {
		vclock = add_vclock(p->plan, phc);
	} else if (phc >= 0) {
		p->taken = array_grow(p->taken, p->taken_count, sizeof(*p->taken));
		p->taken[p->taken_count++] = phc;
	}
	add_ptp4l(p, file->path, interfaces, phc >= 0, phc, vclock);
	if (phc >= 0) {
		add_phc2sys(p, s, uds, tag);
	}
	add_refclock(p, s);
	p->group++;
	p->refclock++;
	free(uds);
	free(tag);
}

static int add_domain(struct planner *p, const struct tm_source *s)
{
	const size_t n = s->interfaces.count;
	int *phcs = array_grow(NULL, n, sizeof(*phcs));
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		err = find_phc(p, s->interfaces.items[i], &phcs[i]);
	}
	for (size_t i = 0; !err && i < n; i++) {
		struct words together = { NULL, 0 };

		if (phcs[i] == PHC_MERGED) {
			continue;
		}
		words_add(&together, "%s", s->interfaces.items[i]);
		for (size_t j = i + 1; phcs[i] >= 0 && j < n; j++) {
			if (phcs[j] == phcs[i]) {
				words_add(&together, "%s", s->interfaces.items[j]);
				phcs[j] = PHC_MERGED;
			}
		}
		add_instance(p, s, &together, phcs[i]);
		words_finish(&together);
	}
	free(phcs);
	return err;
}

/* -- the plan --------------------------------------------------------------------------------- */

int tm_plan_make(struct tm_plan *plan, const struct tm_config *config, bool old,
		 tm_query_fn *query, struct driver_error *error)
{
	struct planner p = { .plan = plan, .config = config, .query = query, .error = error };
	int err = 0;

	*plan = (struct tm_plan){
		.rundir = text_new("%s", config->rundir),
		.user = text_new("%s", config->user),
		.restart = config->restart_processes != 0,
		.old = old,
	};
	add_ntp_program(&p);
	for (size_t i = 0; !err && i < config->source_count; i++) {
		if (config->sources[i].ptp) {
			err = add_domain(&p, &config->sources[i]);
		} else {
			add_ntp_server(&p, &config->sources[i]);
		}
	}
	plan->files[0].content = p.ntp;
	free(p.taken);
	return err;
}

void tm_plan_finish(struct tm_plan *plan)
{
	for (size_t i = 0; i < plan->file_count; i++) {
		free(plan->files[i].path);
		free(plan->files[i].content);
	}
	for (size_t i = 0; i < plan->command_count; i++) {
		words_finish(&plan->commands[i].words);
	}
	free(plan->files);
	free(plan->commands);
	free(plan->vclocks);
	free(plan->rundir);
	free(plan->user);
	*plan = (struct tm_plan){ 0 };
}

void tm_plan_print(const struct tm_plan *plan, FILE *out)
{
	for (size_t i = 0; i < plan->file_count; i++) {
		fprintf(out, "%s:\n\n%s\n", plan->files[i].path, plan->files[i].content);
	}
	if (!plan->old) {
		fprintf(out, "virtual clocks:\n\n");
	}
	for (size_t i = 0; i < plan->vclock_count; i++) {
		fprintf(out, "PHC%d: %d\n", plan->vclocks[i].phc, plan->vclocks[i].wanted);
	}
	fprintf(out, "%scommands:\n\n", plan->old ? "" : "\n");
	for (size_t i = 0; i < plan->command_count; i++) {
		const struct tm_command *c = &plan->commands[i];

		fprintf(out, "[%d] ", c->group);
		for (size_t k = 0; k < c->words.count; k++) {
			fprintf(out, "%s ", c->words.items[k]);
		}
		fprintf(out, "\n");
	}
}
