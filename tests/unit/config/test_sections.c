/* SPDX-License-Identifier: BSD-2-Clause */
/* Sections of sources and syncs: what is taken, and the line that says why another is not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/config/texts.h"
#include "tests/unit/seed.h"

static void good(struct conf *conf, const char *content)
{
	struct conf_error error = { "" };

	if (load_as(conf, true, content, &error) != 0) {
		fail_msg("%s", error.text);
	}
}

#define P "[eth0]\n" /* line 1 of most texts */

static const struct {
	const char *text;
	const char *message;
} refused[] = {
	/* names */
	{ P "[source ]\n", "t.conf:2: section [source]: no name; write [source NAME]" },
	{ P "[sync \t]\n", "t.conf:2: section [sync]: no name; write [sync NAME]" },
	{ P "[source a b]\n", "t.conf:2: section [source a b]: a name has up to 31 letters, "
			      "digits, '_', '.' and '-'; correct it" },
	{ P "[sync a/b]\n", "t.conf:2: section [sync a/b]: a name has up to 31 letters, digits, "
			    "'_', '.' and '-'; correct it" },
	{ P "[source 12345678901234567890123456789012]\nsource_type ptp\n",
	  "t.conf:2: section [source 12345678901234567890123456789012]: a name has up to 31 "
	  "letters, digits, '_', '.' and '-'; correct it" },
	{ P "[sources a]\n", "t.conf:2: section [sources a]: that cannot be the name of an "
			     "interface; correct it" },
	{ P "[source a]\nsource_type ntp\n[eth1]\n[source a]\nsource_type pps\n",
	  "t.conf:5: section [source a]: the name has a section in line 2 already; join them, or "
	  "choose another name" },
	{ P "[sync a]\nsync_sink soft\n[sync a]\n",
	  "t.conf:4: section [sync a]: the name has a section in line 2 already; join them, or "
	  "choose another name" },
	/* keys where they do not belong */
	{ P "[source a]\nsource_priority 3\n", "t.conf:2: section [source a]: no source_type; "
					       "write one" },
	{ P "[source a]\n[source b]\nsource_type ptp\n",
	  "t.conf:2: section [source a]: no source_type; write one" },
	{ P "[source a]\nsource_type\n", "t.conf:2: section [source a]: no source_type; write "
					 "one" },
	{ P "[source a]\nsource_type gps\n", "t.conf:3: key 'source_type': 'gps' is not one of "
					     "its values; write ptp, phc, pps or ntp" },
	{ P "source_type ptp\n", "t.conf:2: key 'source_type': only of a section [source NAME]; "
				 "move it to one" },
	{ P "[global]\nsync_sink soft\n", "t.conf:3: key 'sync_sink': only of a section [sync "
					  "NAME]; move it to one" },
	{ P "[source a]\nsource_type pps\nsync_sink x\n",
	  "t.conf:4: key 'sync_sink': only of a section [sync NAME]; move it to one" },
	{ P "[source]\nsource_type ptp\n", "t.conf:3: key 'source_type': only of a section "
					   "[source NAME]; move it to one" },
	{ P "[source a]\nsource_domain 3\nsource_type phc\n",
	  "t.conf:3: key 'source_domain': not for a source of type phc; remove it" },
	{ P "[source a]\nsource_device /dev/ptp0\nsource_type ptp\n",
	  "t.conf:3: key 'source_device': not for a source of type ptp; remove it" },
	{ P "[source a]\nsource_type pps\nsource_interval 2\n",
	  "t.conf:4: key 'source_interval': not for a source of type pps; remove it" },
	{ P "[source a]\nsource_type ntp\nlogSyncInterval -3\n",
	  "t.conf:4: key 'logSyncInterval': of a port, and a source of type ntp has none; remove "
	  "it" },
	{ P "[source a]\nsource_type ptp\ndomainNumber 3\n",
	  "t.conf:4: key 'domainNumber': not a key of a source; write source_domain" },
	{ P "[source a]\nsource_type ptp\nuser ptp\n",
	  "t.conf:4: key 'user': not a key of a source; move it to [global]" },
	{ P "[source a]\nsource_type ptp\nfoo 1\n",
	  "t.conf:4: key 'foo': unknown; see gnomon.conf(5) for the keys there are" },
	{ P "[sync a]\npriority1 3\n", "t.conf:3: key 'priority1': not a key of a sync; move it "
				       "to [global]" },
	{ P "[sync a]\nlogSyncInterval 3\n", "t.conf:3: key 'logSyncInterval': not a key of a "
					     "sync; move it to [interface]" },
	{ P "[sync a]\nsource_type ptp\n", "t.conf:3: key 'source_type': only of a section [source "
					   "NAME]; move it to one" },
	{ P "state_file /x\n", "t.conf:2: key 'state_file': not a key of a port; move it to "
			       "[global]" },
	/* values */
	{ P "[source a]\nsource_type pps\nsource_priority 256\n",
	  "t.conf:4: key 'source_priority': 256 is out of range; write 0 to 255" },
	{ P "[source a]\nsource_type phc\nsource_offset soon\n",
	  "t.conf:4: key 'source_offset': 'soon' is not a whole number; write one or auto" },
	{ P "[sync a]\nsync_interval 0\n", "t.conf:3: key 'sync_interval': 0 is out of range; "
					   "write 0.001 to 3600" },
	/* contradictions: sources */
	{ P "[source a]\nsource_type ptp\n", "t.conf:2: source a: no interface to receive on; "
					     "write source_interfaces" },
	{ P "[source a]\nsource_type ptp\nsource_interfaces ,\n",
	  "t.conf:2: source a: no interface to receive on; write source_interfaces" },
	{ P "[source a]\nsource_type ptp\nsource_interfaces eth1,eth2 eth1\n",
	  "t.conf:2: source a: key 'source_interfaces' names eth1 twice; remove one" },
	{ P "[source a]\nsource_type ptp\nsource_interfaces eth1 averyverylonginterface\n",
	  "t.conf:2: source a: key 'source_interfaces': 'eth1 averyverylonginterface' has what "
	  "cannot be the name of an interface; correct it" },
	{ P "[source a]\nsource_type ptp\nsource_interfaces eth1\nserverOnly 1\n",
	  "t.conf:2: source a: key 'serverOnly': a source only receives time; remove it" },
	{ P "[source a]\nsource_type ptp\nsource_interfaces eth1 eth0\n",
	  "t.conf:2: source a: the port has domain 0 on eth0 already; give the source another "
	  "source_domain or interface" },
	{ P "[source a]\nsource_type ptp\nsource_interfaces eth1\n[source b]\nsource_type ptp\n"
	    "source_interfaces eth2 eth1\n",
	  "t.conf:5: source b: source a has domain 0 on eth1 already; give the source another "
	  "source_domain or interface" },
	{ P "[source a]\nsource_type ptp\nsource_interfaces eth1\ntime_stamping p2p1step\n",
	  "t.conf:2: key 'time_stamping': p2p1step needs delay_mechanism P2P on eth1; set it" },
	{ P "[source a]\nsource_type phc\n", "t.conf:2: source a: no device to read; write "
					     "source_device" },
	{ P "[source a]\nsource_type pps\nsource_device \"\"\n",
	  "t.conf:2: source a: no device to read; write source_device" },
	{ P "[source a]\nsource_type phc\nsource_device /dev/ptp1\n[source b]\n"
	    "source_device /dev/ptp1\nsource_type phc\n",
	  "t.conf:5: source b: source a reads /dev/ptp1 already; remove one of them" },
	{ P "[source a]\nsource_type ntp\n[source b]\nsource_type ntp\n",
	  "t.conf:4: source b: source a reads auto already; remove one of them" },
	{ P "[global]\nphc_device /dev/ptp1\n[source a]\nsource_type phc\n"
	    "source_device /dev/ptp1\n",
	  "t.conf:4: source a: /dev/ptp1 is the clock that is kept (phc_device), and no source "
	  "for itself; name another" },
	/* guests */
	{ P "[guest ]\n", "t.conf:2: section [guest]: no name; write [guest NAME]" },
	{ P "[guest]\n", "t.conf:2: section [guest]: no name; write [guest NAME] (an interface of "
			 "that name goes by -i)" },
	{ P "[guest a/b]\n", "t.conf:2: section [guest a/b]: a name has up to 31 letters, digits, "
			     "'_', '.' and '-'; correct it" },
	{ P "[guest a]\n[guest b]\n[guest a]\n",
	  "t.conf:4: section [guest a]: the name has a section in line 2 already; join them, or "
	  "choose another name" },
	{ P "[guest a]\npriority1 3\n", "t.conf:3: key 'priority1': not a key of a guest; move it "
					"to [global]" },
	{ P "[guest a]\nserverOnly 1\n", "t.conf:3: key 'serverOnly': not a key of a guest; move "
					 "it to [interface]" },
	{ P "guest_way bar\n", "t.conf:2: key 'guest_way': only of a section [guest NAME]; move it "
			       "to one" },
	{ P "[guest a]\nguest_way E\n", "t.conf:3: key 'guest_way': 'E' is not one of its values; "
					"write bar_acpi, fixed, bar or patch" },
	{ P "[guest a]\nguest_slot 32\n",
	  "t.conf:3: key 'guest_slot': 32 is out of range; write 1 to 31" },
	{ P "[guest a]\nguest_page shm/x\n",
	  "t.conf:2: guest a: key 'guest_page': 'shm/x' is no path of a file from the root on; "
	  "write one such as /dev/shm/gnomon-a" },
	{ P "[guest a]\nguest_page /dev/shm/\n",
	  "t.conf:2: guest a: key 'guest_page': '/dev/shm/' is no path of a file from the root on; "
	  "write one such as /dev/shm/gnomon-a" },
	{ P "[guest a]\nguest_page /a,b\n",
	  "t.conf:2: guest a: key 'guest_page': '/a,b' has white space or a comma, which QEMU's "
	  "command line cannot take; name another" },
	{ P "[guest a]\nguest_size 8191\n",
	  "t.conf:2: guest a: key 'guest_size': 8191 is no power of two, and a BAR's size is; "
	  "write 8192" },
	{ P "[guest a]\nguest_size 4096\nguest_counter pingpong\n",
	  "t.conf:2: guest a: key 'guest_size': 4096 has no room for the answers of guest_counter "
	  "pingpong; write 8192" },
	{ P "[guest a]\nguest_mode 888\n",
	  "t.conf:3: key 'guest_mode': '888' is not a whole number; write one from 0 to 0777" },
	{ P "[guest a]\nguest_mode 1777\n",
	  "t.conf:3: key 'guest_mode': 1777 is out of range; write 0 to 0777" },
	{ P "[guest a]\nguest_mode 666\n",
	  "t.conf:2: guest a: key 'guest_mode': with 0666 everybody could tell the guest the time; "
	  "write 0600 or 0660" },
	{ P "[guest a]\nguest_mode 0666\n",
	  "t.conf:2: guest a: key 'guest_mode': with 0666 everybody could tell the guest the time; "
	  "write 0600 or 0660" },
	{ P "[guest a]\nguest_owner :kvm\n",
	  "t.conf:2: guest a: key 'guest_owner': ':kvm' is no owner; write USER or USER:GROUP" },
	{ P "[guest a]\nguest_owner a:\n",
	  "t.conf:2: guest a: key 'guest_owner': 'a:' is no owner; write USER or USER:GROUP" },
	{ P "[guest a]\nguest_uuid 0123\n",
	  "t.conf:2: guest a: key 'guest_uuid': '0123' is no UUID; write "
	  "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" },
	{ P "[guest a]\nguest_pid 3\nguest_libvirt db\n",
	  "t.conf:2: guest a: guest_pid, guest_uuid and guest_libvirt all say which process it is; "
	  "keep one" },
	{ P "[guest a]\nguest_pid 3\nguest_counter host\n",
	  "t.conf:2: guest a: with guest_counter host it is no virtual machine; remove guest_pid, "
	  "guest_uuid and guest_libvirt" },
	{ P "[guest a]\nguest_address 0x1000\n",
	  "t.conf:2: guest a: key 'guest_address': only guest_way fixed has one; remove it" },
	{ P "[guest a]\nguest_way fixed\n",
	  "t.conf:2: guest a: key 'guest_address': '' is no address of a page; write one such as "
	  "0x140000000" },
	{ P "[guest a]\nguest_way fixed\nguest_address 0x140000001\n",
	  "t.conf:2: guest a: key 'guest_address': '0x140000001' is no address of a page; write "
	  "one such as 0x140000000" },
	{ P "[guest a]\nguest_way patch\n",
	  "t.conf:2: guest a: key 'guest_way': patch needs QEMU's monitor; write guest_qmp" },
	{ P "[guest a]\nguest_way patch\nguest_qmp /q\nguest_page /p\n",
	  "t.conf:2: guest a: key 'guest_way': patch fills a page of QEMU's own, known by "
	  "guest_counter kvm; remove guest_page" },
	{ P "[guest a]\nguest_qmp q\n",
	  "t.conf:2: guest a: key 'guest_qmp': 'q' is no path of a socket from the root on; write "
	  "one" },
	{ P "[guest a]\n[guest b]\nguest_page /dev/shm/gnomon-a\n",
	  "t.conf:3: guest b: guest a has the page /dev/shm/gnomon-a already; give each its own "
	  "guest_page" },
	{ P "[guest a]\nguest_qmp /q\n[guest b]\nguest_qmp /q\n",
	  "t.conf:4: guest b: guest a has the monitor /q already; give each its own guest_qmp" },
	{ P "[global]\nguest_dir run\n[guest a]\n",
	  "key 'guest_dir': 'run' is no path of a folder from the root on, of up to 127 octets; "
	  "write one" },
	{ P "[global]\nclockbound_file shm0\n",
	  "key 'clockbound_file': 'shm0' is no path of a file from the root on; write one such as "
	  "/var/run/clockbound/shm0" },
	{ "[guest a]\n", "t.conf:1: guest a: without ports and sources nothing keeps the clock it "
			 "would be told; write one, or free_running 1 if another program keeps "
			 "it" },
	/* contradictions: syncs */
	{ "[sync a]\nsync_sink eth1\n",
	  "t.conf:1: sync a: without ports and sources nothing keeps the clock it would follow; "
	  "name another with sync_source" },
	{ P "[sync a]\n", "t.conf:2: sync a: no clock to keep; write sync_sink" },
	{ P "[sync a]\nsync_sink kept\n", "t.conf:2: sync a: the sink is the clock that gnomond "
					  "keeps already (kept); name another" },
	{ P "[global]\nphc_device /dev/ptp1\n[sync a]\nsync_sink /dev/ptp1\n",
	  "t.conf:4: sync a: the sink is the clock that gnomond keeps already (phc_device); name "
	  "another" },
	{ "[global]\nclock system\ntime_stamping software\n[eth0]\n[sync a]\n"
	  "sync_sink CLOCK_REALTIME\n",
	  "t.conf:5: sync a: the sink is the clock that gnomond keeps already (clock system); "
	  "name another" },
	{ P "[sync a]\nsync_sink eth1\nsync_source eth1\n",
	  "t.conf:2: sync a: source and sink are both eth1; name two clocks" },
	{ P "[sync a]\nsync_sink soft\n[sync b]\nsync_sink soft\n",
	  "t.conf:4: sync b: sync a keeps soft already; remove one of them" },
	{ P "[sync a]\nsync_sink eth1\nsync_source shm:0\n",
	  "t.conf:2: sync a: 'shm:0' is no clock to follow; name one with sync_source" },
	{ P "[sync a]\nsync_sink eth1\nsync_source sock:/run/x\n",
	  "t.conf:2: sync a: 'sock:/run/x' is no clock to follow; name one with sync_source" },
	{ P "[sync a]\nsync_sink eth1\nsync_source \"\"\n",
	  "t.conf:2: sync a: '' is no clock to follow; name one with sync_source" },
	{ P "[source x]\nsource_type phc\nsource_device soft:a\n",
	  "t.conf:2: source x: soft:a is a clock in memory, and nobody has told it the time; name "
	  "a device" },
	{ P "[source x]\nsource_type phc\nsource_device eth1\n[sync a]\nsync_sink eth1\n",
	  "t.conf:5: sync a: source x reads eth1, which would follow itself; remove one of them" },
	{ P "[sync a]\nsync_sink eth1\nsync_source eth2\n[sync b]\nsync_sink eth2\n"
	    "sync_source eth1\n",
	  "t.conf:2: sync a: eth1 would follow itself by way of eth2; break the loop" },
	{ P "[sync o]\nsync_sink eth9\nsync_source eth3\n[sync a]\nsync_sink eth1\n"
	    "sync_source eth2\n[sync b]\nsync_sink eth2\nsync_source eth3\n[sync c]\n"
	    "sync_sink eth3\nsync_source eth1\n",
	  "t.conf:5: sync a: eth1 would follow itself by way of eth2; break the loop" },
};

static void messages(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct conf conf;
		struct conf_error error = { "" };

		assert_int_not_equal(load_as(&conf, true, refused[i].text, &error), 0);
		assert_string_equal(error.text, refused[i].message);
		conf_finish(&conf);
	}
}

/* What goes, but hardly as it was meant. */
static void doubts(void **state)
{
	struct conf conf;

	good(&conf, P "[guest a]\nguest_way fixed\nguest_address 0x140000000\n"
		      "guest_counter pingpong\n[guest b]\nguest_counter pingpong\n");
	assert_non_null(strstr(conf_guest_doubt(&conf.guests[0]), "finds none with guest_way "
								  "fixed; use guest_counter kvm"));
	assert_null(conf_guest_doubt(&conf.guests[1]));
	conf_finish(&conf);
}

/* A text with that many sections. */
static char *many(const char *kind, const char *keys, unsigned int count)
{
	size_t cap = 64 + 128 * (size_t)count;
	char *text = malloc(cap);
	size_t len = (size_t)snprintf(text, cap, P);

	for (unsigned int i = 0; i < count; i++) {
		len += (size_t)snprintf(text + len, cap - len, "[%s s%u]\n%s%u\n", kind, i, keys,
					i);
	}
	return text;
}

static void limits(void **state)
{
	static const struct {
		const char *kind;
		const char *keys;
		unsigned int most;
		const char *message;
	} cases[] = {
		{ "source", "source_type pps\nsource_device /dev/pps", CONF_SOURCES_MAX,
		  "t.conf:47: section [source s15]: more than 15; remove some" },
		{ "sync", "sync_sink shm:", CONF_SYNCS_MAX,
		  "t.conf:130: section [sync s64]: more than 64; remove some" },
		{ "guest", "guest_page /dev/shm/", CONF_GUESTS_MAX,
		  "t.conf:2050: section [guest s1024]: more than 1024; remove some" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf_error error = { "" };
		struct conf conf;
		char *text = many(cases[i].kind, cases[i].keys, cases[i].most);

		good(&conf, text);
		assert_int_equal(conf.source_count + conf.sync_count + conf.guest_count,
				 cases[i].most);
		conf_finish(&conf);
		free(text);
		text = many(cases[i].kind, cases[i].keys, cases[i].most + 1);
		assert_int_not_equal(load_as(&conf, true, text, &error), 0);
		assert_string_equal(error.text, cases[i].message);
		conf_finish(&conf);
		free(text);
	}
}

/* Every key reaches its member, the type may stand last, and [global] may be below. */
static void sources(void **state)
{
	static const char text[] =
		"[source gps.1]\nsource_device /dev/ptp7\nsource_priority 10\nsource_bound 25.5\n"
		"source_max_bound 5000\nsource_timeout 3.5\nsource_interval 0.25\n"
		"source_offset -37\nsource_class 6\nsource_time_source 0x20\nsource_type PHC\n"
		"[Source\tpeer]\nsource_type ptp\nsource_interfaces eth1, eth2\nsource_domain 7\n"
		"delay_mechanism P2P\n" P "[source ntp]\nsource_type ntp\n"
		"[global]\nlogSyncInterval -4\nserverOnly 1\n";
	struct conf conf;
	const struct conf_source *s;

	good(&conf, text);
	assert_int_equal(conf.source_count, 3);
	s = conf_source_find(&conf, "gps.1");
	assert_int_equal(s->line, 1);
	assert_int_equal(s->type, CONF_SOURCE_PHC);
	assert_string_equal(s->device, "/dev/ptp7");
	assert_int_equal(s->priority, 10);
	assert_true(s->bound_ns == 25.5 && s->max_bound_ns == 5000 && s->timeout_s == 3.5 &&
		    s->interval_s == 0.25);
	assert_int_equal(s->offset_s, -37);
	assert_int_equal(s->clock_class, 6);
	assert_int_equal(s->time_source, 0x20);
	assert_null(s->instance);
	s = conf_source_find(&conf, "ntp");
	assert_string_equal(s->device, "auto");
	assert_int_equal(s->clock_class, 248);
	s = conf_source_find(&conf, "peer");
	assert_int_equal(s->line, 12);
	assert_int_equal(s->instance->port_count, 2);
	assert_string_equal(s->instance->ports[0].name, "eth1");
	assert_string_equal(s->instance->ports[1].name, "eth2");
	assert_int_equal(s->instance->ports[1].conf.delay_mechanism, CONF_DELAY_P2P);
	assert_int_equal(s->instance->ports[1].conf.log_sync_interval, -4);
	assert_int_equal(s->instance->ports[1].conf.server_only, 0);
	assert_int_equal(s->instance->domain_number, 7);
	assert_int_equal(s->instance->client_only, 1);
	assert_string_equal(s->instance->uds_address, "");
	assert_string_equal(s->instance->uds_ro_address, "");
	assert_int_equal(s->instance->share_ports, 0);
	/* The ports of the file are untouched by it. */
	assert_int_equal(conf.port_count, 1);
	assert_int_equal(conf.domain_number, 0);
	assert_int_equal(conf.client_only, 0);
	assert_int_equal(conf.ports[0].conf.delay_mechanism, CONF_DELAY_E2E);
	assert_null(conf_source_find(&conf, "gps"));
	conf_finish(&conf);
}

static int join_text(void *context, const char *text, size_t len)
{
	strncat(context, text, len);
	return 0;
}

/* Every key reaches its member, and what is printed of a guest is read back the same. */
static void guests(void **state)
{
	static const char text[] =
		P "[guest db.1]\nguest_page /dev/shm/x\nguest_size 0x100000\n"
		"guest_owner libvirt-qemu:kvm\nguest_mode 640\nguest_way fixed\n"
		"guest_address 0x140000000\nguest_profile utc\nguest_counter kvm\n"
		"guest_uuid 01234567-89ab-cdef-0123-456789abcdef\nguest_qmp /run/q\n"
		"[guest plain]\n[global]\nguest_interval 0.5\nguest_max_bound 5000\n"
		"guest_realtime_slew 83333333\n";
	static const char *const names[] = { "db.1", "plain" };
	char printed[4096] = P;
	struct conf conf;

	for (int round = 0; round < 2; round++) {
		const struct conf_guest *g;

		good(&conf, round ? printed : text);
		assert_int_equal(conf.guest_count, 2);
		g = conf_guest_find(&conf, "db.1");
		assert_string_equal(g->path, "/dev/shm/x");
		assert_int_equal(g->size, 1 << 20);
		assert_string_equal(g->owner, "libvirt-qemu:kvm");
		assert_int_equal(g->mode, 0640);
		assert_int_equal(g->way, CONF_WAY_FIXED);
		assert_true(g->gpa == 0x140000000);
		assert_int_equal(g->profile, CONF_PROFILE_UTC);
		assert_int_equal(g->counter, CONF_COUNTER_KVM);
		assert_string_equal(g->uuid, "01234567-89ab-cdef-0123-456789abcdef");
		assert_string_equal(g->qmp, "/run/q");
		g = conf_guest_find(&conf, "plain");
		assert_string_equal(g->path, "/dev/shm/gnomon-plain");
		assert_int_equal(g->size, 8192);
		assert_int_equal(g->mode, 0600);
		assert_int_equal(g->slot, 0x10);
		assert_int_equal(g->way, CONF_WAY_BAR_ACPI);
		assert_true(g->gpa == 0 && g->pid == 0 && !g->owner[0] && !g->libvirt[0]);
		if (round == 0) {
			assert_true(conf.guest_interval_s == 0.5);
			assert_true(conf.guest_max_bound_ns == 5000);
			assert_true(conf.realtime_slew_ppb == 83333333);
			for (size_t i = 0; i < 2; i++) {
				g = conf_guest_find(&conf, names[i]);
				assert_int_equal(conf_print_guest(g, join_text, printed), 0);
			}
		}
		conf_finish(&conf);
	}
}

/* Instances on one interface have one pair of UDP ports between them. */
static void shared_interface(void **state)
{
	static const struct {
		const char *more;
		int ports_share;
		int source_shares;
	} cases[] = {
		{ "source_interfaces eth0\nsource_domain 1\n", 1, 1 },
		{ "source_interfaces eth1\nsource_domain 1\n", 0, 0 },
		/* Nothing in common but the interface. */
		{ "source_interfaces eth0\nnetwork_transport L2\n", 0, 0 },
		{ "source_interfaces eth0\ntransportSpecific 1\n", 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];
		struct conf conf;

		snprintf(text, sizeof(text), P "[source a]\nsource_type ptp\n%s", cases[i].more);
		good(&conf, text);
		assert_int_equal(conf.share_ports, cases[i].ports_share);
		assert_int_equal(conf.sources[0].instance->share_ports, cases[i].source_shares);
		conf_finish(&conf);
	}
}

/* Fixed roles of the ports are not those of a source, and its own are resolved. */
static void roles(void **state)
{
	struct conf conf;

	good(&conf, P "[source x]\nsource_type ntp\n[sync a]\nsync_sink chrony:/run/c.sock\n"
		      "[sync b]\nsync_sink shm:0\n");
	assert_int_equal(conf.sync_count, 2);
	conf_finish(&conf);
	good(&conf, "[global]\nBMCA noop\nserverOnly 1\n" P "[source a]\nsource_type ptp\n"
		    "source_interfaces eth1\n");
	assert_int_equal(conf.ports[0].conf.desired_state, CONF_STATE_TIME_TRANSMITTER);
	assert_int_equal(conf.sources[0].instance->external_port_configuration, 1);
	assert_int_equal(conf.sources[0].instance->ports[0].conf.desired_state,
			 CONF_STATE_TIME_RECEIVER);
	conf_finish(&conf);
	good(&conf, "[global]\nexternal_port_configuration 1\n" P "[source a]\nsource_type ptp\n"
		    "source_interfaces eth1\n");
	assert_int_equal(conf.sources[0].instance->external_port_configuration, 0);
	conf_finish(&conf);
}

/* Other clocks can be kept without PTP; ptp4l would not run. */
static void no_ports(void **state)
{
	static const char *const texts[] = {
		"[sync a]\nsync_source eth2\nsync_sink CLOCK_REALTIME\n",
		"[source a]\nsource_type ntp\n",
		"[source a]\nsource_type ntp\n[sync a]\nsync_sink eth1\n",
		("[global]\nclock phc\n[source a]\nsource_type ptp\nsource_interfaces eth1\n"
		 "[sync a]\nsync_sink CLOCK_REALTIME\n"),
		"[global]\nclock phc\nphc_device eth1\nfree_running 1\n[sync a]\nsync_sink eth2\n",
	};
	struct conf_error error;
	struct conf conf;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		good(&conf, texts[i]);
		assert_int_equal(conf.port_count, 0);
		assert_int_equal(conf.two_step_flag, 1);
		assert_ptr_equal(conf_first_port(&conf), &conf.defaults);
		conf_finish(&conf);
		assert_true(load_as(&conf, false, texts[i], &error) != 0);
		assert_non_null(strstr(error.text, "no interface to run on"));
		conf_finish(&conf);
	}
}

static void syncs(void **state)
{
	static const char text[] =
		P "[sync system]\nsync_sink CLOCK_REALTIME\nfirst_step_threshold 0\n"
		  "[sync card]\nsync_source eth1\nsync_sink /dev/ptp3\nsync_interval 0.125\n"
		  "sync_samples 9\nsync_offset -37\nclock_servo pi\npi_integral_const 0.5\n"
		  "[global]\npi_proportional_const 0.25\nstep_threshold 0.5\n";
	struct conf conf;
	const struct conf_sync *s;

	good(&conf, text);
	assert_int_equal(conf.sync_count, 2);
	s = conf_sync_find(&conf, "system");
	assert_string_equal(s->source, CONF_KEPT);
	assert_string_equal(s->sink, "CLOCK_REALTIME");
	assert_int_equal(s->offset_s, CONF_OFFSET_AUTO);
	assert_true(s->servo->first_step_threshold == 0 && s->servo->pi_integral_const == 0);
	assert_true(s->servo->step_threshold == 0.5);
	s = conf_sync_find(&conf, "card");
	assert_string_equal(s->source, "eth1");
	assert_true(s->interval_s == 0.125);
	assert_int_equal(s->samples, 9);
	assert_int_equal(s->offset_s, -37);
	assert_true(s->servo->pi_integral_const == 0.5 && s->servo->pi_proportional_const == 0.25);
	assert_true(s->servo->first_step_threshold == conf.first_step_threshold);
	assert_true(conf.pi_integral_const == 0 && conf.first_step_threshold > 0);
	conf_finish(&conf);
}

/* Without white space it is an interface; a program beside the daemon skips what is not for it. */
static void not_for_everybody(void **state)
{
	static const char foreign[] = "[source a]\nsource_type zzz\n1\n[sync ///]\nfoo\n[eth0]\n";
	struct conf_error error = { "" };
	struct conf_text text = { strdup(foreign), strlen(foreign), "t.conf" };
	struct conf conf;

	good(&conf, "[source]\n[sync]\nlogSyncInterval 1\n");
	assert_int_equal(conf.port_count, 2);
	assert_string_equal(conf.ports[0].name, "source");
	assert_int_equal(conf.source_count, 0);
	conf_finish(&conf);
	assert_int_equal(conf_init_tool(&conf, true), 0);
	assert_int_equal(conf_parse_global(&conf, &text, &error), 0);
	assert_int_equal(conf_parse_ports(&conf, &text, &error), 0);
	assert_int_equal(conf.port_count, 1);
	assert_int_equal(conf.source_count + conf.sync_count, 0);
	conf_finish(&conf);
	conf_text_finish(&text);
	assert_int_equal(load_as(&conf, false, P "[sync a]\nsync_sink soft\n", &error), 0);
	assert_int_equal(conf.sync_count, 1);
	conf_finish(&conf);
}

/* Intervals that cannot be kept are named for sources as well; phc has none. */
static void intervals(void **state)
{
	struct conf conf;

	good(&conf, P "[source a]\nsource_type ptp\nsource_interfaces eth1\n"
		      "logSyncInterval -20\n[source b]\nsource_type ntp\n");
	assert_string_equal(conf.beyond, "logSyncInterval");
	conf_finish(&conf);
}

/* -- printing --------------------------------------------------------------------------------- */

static const char everything[] =
	"[global]\nstate_file /var/lib/gnomon/state\nports_priority 7\nsource_revert 1.5\n"
	"holdover_bound 1500\nserverOnly 1\n" P
	"[source gps]\nsource_type phc\nsource_device ens1\nsource_offset -37\n"
	"[source pps]\nsource_type pps\nsource_device /dev/pps0\nsource_time_source 0x20\n"
	"[source ntp]\nsource_type ntp\nsource_device localhost:323\nsource_max_bound 1e7\n"
	"[source other]\nsource_type ptp\nsource_interfaces eth1 eth2\nsource_domain 3\n"
	"logSyncInterval -3\nnetwork_transport L2\n"
	"[sync one]\nsync_sink soft\npi_integral_const 0.3\nkernel_leap 0\n"
	"[sync two]\nsync_source soft\nsync_sink shm:3\nsync_offset 0\nsync_interval 0.015625\n";

static void round_trip(void **state)
{
	struct buffer a = { NULL, 0 };
	struct buffer b = { NULL, 0 };
	struct conf conf;

	good(&conf, everything);
	assert_int_equal(conf_print(&conf, append, &a), 0);
	conf_finish(&conf);
	good(&conf, a.data);
	assert_int_equal(conf_print(&conf, append, &b), 0);
	assert_string_equal(a.data, b.data);
	assert_int_equal(conf.source_count, 4);
	assert_int_equal(conf.sync_count, 2);
	assert_int_equal(conf.ports_priority, 7);
	assert_int_equal(conf.sources[0].offset_s, -37);
	assert_int_equal(conf.sources[1].offset_s, CONF_OFFSET_AUTO);
	assert_int_equal(conf.sources[3].instance->ports[1].conf.log_sync_interval, -3);
	assert_int_equal(conf.syncs[0].servo->kernel_leap, 0);
	assert_int_equal(conf.syncs[1].servo->kernel_leap, 1);
	assert_true(conf.syncs[1].interval_s == 0.015625);
	conf_finish(&conf);
	free(a.data);
	free(b.data);
}

static void documented(void **state)
{
	static const char *const schema[] = {
		"{\"name\":\"source_type\",\"scope\":\"source\",",
		"\"source_types\":[\"ptp\",\"phc\",\"pps\",\"ntp\"],\"required\":true",
		"\"source_types\":[\"phc\",\"ntp\"],\"default\":\"1\"",
		"{\"name\":\"sync_sink\",\"scope\":\"sync\",",
	};
	static const char *const manual[] = {
		"*source\\_interval* (source of type phc or ntp, s)\n",
		"*source\\_domain* (source of type ptp)\n",
		"*sync\\_samples* (sync)\n",
		"*state\\_file* (global)\n",
		"ptp*, *phc*, *pps*, *ntp*. Its section must have it.\n",
	};
	struct buffer b = { NULL, 0 };

	assert_int_equal(conf_print_schema(append, &b), 0);
	for (size_t i = 0; i < sizeof(schema) / sizeof(schema[0]); i++) {
		assert_non_null(strstr(b.data, schema[i]));
	}
	assert_int_equal(conf_print_scdoc(append, &b), 0);
	for (size_t i = 0; i < sizeof(manual) / sizeof(manual[0]); i++) {
		assert_non_null(strstr(b.data, manual[i]));
	}
	free(b.data);
}

/* -- garbage ---------------------------------------------------------------------------------- */

/* Whatever the text, it is taken, and then survives being printed, or refused with one line. */
static void garbage(void **state)
{
	static const char alphabet[] = "[]\n\t ,:.-0123456789aceprsty";
	char text[sizeof(everything)];
	struct seed seed = seed_start("garbage");

	for (int round = 0; round < 5000; round++) {
		struct conf conf;
		struct conf_error error = { "" };
		struct buffer b = { NULL, 0 };
		int r;

		memcpy(text, everything, sizeof(text));
		seed_spoil(&seed, text, sizeof(text) - 1, alphabet, 4);
		r = load_as(&conf, true, text, &error);
		assert_true((r == 0) == (error.text[0] == '\0'));
		assert_null(strchr(error.text, '\n'));
		if (r == 0) {
			assert_int_equal(conf_print(&conf, append, &b), 0);
			conf_finish(&conf);
			good(&conf, b.data);
		}
		conf_finish(&conf);
		free(b.data);
	}
}

#define ROW(name) { "/config/sections/" #name, name, NULL, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(doubts),
		ROW(messages), ROW(limits),    ROW(sources),	       ROW(shared_interface),
		ROW(roles),    ROW(syncs),     ROW(not_for_everybody), ROW(intervals),
		ROW(round_trip), ROW(documented), ROW(garbage),	       ROW(no_ports),
		ROW(guests),
	};

	return cmocka_run_group_tests_name("/config/sections", tests, NULL, NULL);
}
