// SPDX-License-Identifier: BSD-2-Clause
// interval [PAGE]: the time from a clock page, from C++.
#include <cstdio>
#include <memory>
#include <stdexcept>

#include <gnomon/guest.h>

namespace {

class Clock {
public:
	explicit Clock(const char *page)
	{
		gnomon_guest_clock *opened = nullptr;

		if (gnomon_clock_open(&opened, page) != 0) {
			throw std::runtime_error("no clock page");
		}
		clock_.reset(opened);
	}

	struct Interval {
		gnomon_time earliest;
		gnomon_time latest;
	};

	Interval now() const
	{
		gnomon_clock_status status = GNOMON_CLOCK_UNRELIABLE;
		Interval found = {};

		if (gnomon_clock_now(clock_.get(), &found.earliest, &found.latest, &status) != 0) {
			throw std::runtime_error(gnomon_clock_status_name(status));
		}
		return found;
	}

private:
	struct Close {
		void operator()(gnomon_guest_clock *clock) const { gnomon_clock_close(clock); }
	};

	std::unique_ptr<gnomon_guest_clock, Close> clock_;
};

} // namespace

int main(int argc, char **argv)
{
	try {
		const Clock clock(argc > 1 ? argv[1] : nullptr);
		const Clock::Interval now = clock.now();

		std::printf("TAI %lld.%09u, %lld ns wide\n",
			    static_cast<long long>(now.earliest.sec), now.earliest.nsec,
			    static_cast<long long>(
				    gnomon_time_diff(now.latest, now.earliest).ns));
		return 0;
	} catch (const std::exception &error) {
		std::fprintf(stderr, "interval: %s\n", error.what());
		return 2;
	}
}
