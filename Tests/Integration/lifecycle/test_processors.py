"""workers = "auto": the processors that the server may use."""

import math
import os
from pathlib import Path

import pytest

import processes
from processes import wait_for
from server import RELEASE

DEMO = RELEASE / "libdemo_event.so"


def workers(server):
    """How many workers the generation has that serves."""
    line = wait_for(
        lambda: next((line for line in server.log.splitlines() if " worker(s)" in line), None), server.state
    )
    count = int(line.split(", ")[-1].split()[0])
    assert len(processes.children(server.master())) == count
    return count


def mount_point(kind):
    """Where the kernel's processor groups of this version are mounted; None if they are not."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        front, back = line.split(" - ")
        name, _, options = back.split()[:3]
        if name == kind and (kind == "cgroup2" or "cpu" in options.split(",")):
            return front.split()[4]
    return None


KINDS = [kind for kind in ("cgroup", "cgroup2") if mount_point(kind)]


def under_quota(kind, quota, period=100_000):
    """A launcher in whose mount namespace the groups have a quota of this; files of the same names stand in for them."""
    files = {
        "cgroup": f"echo {quota} > cpu.cfs_quota_us; echo {period} > cpu.cfs_period_us",
        "cgroup2": f"echo {'max' if quota < 0 else quota} {period} > cpu.max",
    }[kind]
    script = f'mount -t tmpfs none {mount_point(kind)} && (cd {mount_point(kind)} && {files}) && exec "$@"'
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh"]


def test_the_affinity_mask_counts(own):
    one = min(os.sched_getaffinity(0))
    assert workers(own("-w", "auto", DEMO, launcher=["taskset", "-c", str(one)])) == 1
    assert workers(own("-w", "auto", DEMO)) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("kind", KINDS)
def test_the_quota_of_control_groups_counts(own, kind):
    present = len(os.sched_getaffinity(0))
    # Rounded up, and never more than there are; -1 is no quota.
    for quota in (10_000, 100_000, 150_000, 100_000_000, -1):
        expected = present if quota < 0 else min(present, math.ceil(quota / 100_000))
        assert workers(own("-w", "auto", DEMO, launcher=under_quota(kind, quota))) == expected, quota


def test_a_number_is_a_number(own):
    one = min(os.sched_getaffinity(0))
    assert workers(own("-w", "2", DEMO, launcher=["taskset", "-c", str(one)])) == 2
