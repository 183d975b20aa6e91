"""A listener that a reload removes: clients that have begun to connect are served, later ones are refused."""

import threading
import time
from contextlib import suppress

import pytest

import client
from processes import wait_for
from server import free_port
from service import Service
from timing import seen

GET = client.request("GET", "/")
HANDSHAKE = 0.5  # seconds that the rest of a handshake may take when a listener goes


@pytest.fixture
def second():
    return ("127.0.0.1", free_port())


@pytest.fixture
def service(own, tmp_path, model, second):
    service = Service(own, tmp_path, model)
    service.reload(listeners=[*service.listeners, f"127.0.0.1:{second[1]}"])
    return service


def test_a_handshake_under_way_is_finished(own, tmp_path, second):
    """Under sync a connection waits in the kernel, as in the middle of its handshake, until its first bytes come."""
    service = Service(own, tmp_path, "sync")

    def answer():
        """None if the client took longer than the half second in which the rest of a handshake has to come."""
        service.reload(listeners=[*service.listeners, f"127.0.0.1:{second[1]}"])
        with client.Connection(second) as connection, suppress(client.Closed, OSError):
            service.write()
            service.hup()
            wait_for(lambda: f"generation {service.number} serves" in service.server.log, service.server.state)
            connection.send(GET)
            return connection.final(timeout=3).status

    seen(answer, lambda status: status == 200)
    service.wait_for_one_master()
    with pytest.raises(ConnectionRefusedError):
        client.Connection(second)


def test_nobody_who_is_connected_is_reset(service, second):
    """Clients that open a connection for each request, as fast as they can, while the listener goes and comes."""
    faults, answered, stopping = [], [0], threading.Event()

    def run():
        while not stopping.is_set():
            try:
                # The SYN of a client that comes too late is dropped, and repeated after 1, 3, 7 and 15 seconds.
                connection = client.Connection(second, timeout=40)
            except ConnectionRefusedError:
                time.sleep(0.005)
                continue
            except OSError as fault:
                faults.append(f"while connecting: {fault!r}")
                continue
            try:
                late = False
                with connection:
                    connection.send(GET)
                    late = service.model == "sync" and time.monotonic() - connection.opened > HANDSHAKE / 2
                    assert connection.final().status == 200
                    answered[0] += 1
            except (AssertionError, OSError) as fault:
                # Under sync the handshake is over when the first bytes have come.
                if not late:
                    faults.append(repr(fault))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    both = [*service.listeners, f"127.0.0.1:{second[1]}"]
    try:
        for _ in range(5):
            service.reload()
            service.reload(listeners=both)
            before = answered[0]
            wait_for(lambda: answered[0] > before + 4 or faults, service.server.state)
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    assert not faults, f"{len(faults)} of {answered[0]}: {faults[0]}"


def test_an_address_that_comes_back_at_once(service, second):
    """The former socket may still serve its last clients; the reload waits for the address."""
    both = [*service.listeners, f"127.0.0.1:{second[1]}"]

    def failures():
        """What has failed while it goes and comes: the reload waits a second for a worker that is slow to leave."""
        before = len(service.failures())
        service.write()
        service.hup()
        service.wait_for_number()
        service.write(listeners=both)
        service.hup()
        wait_for(lambda: service.serving() == service.number or len(service.failures()) > before, service.server.state)
        if failed := service.failures()[before:]:
            assert "in use" in failed[0], failed
        else:
            service.wait_for_number()
            assert service.serving(lambda: client.Connection(second)) == service.number
        return failed

    for _ in range(3):
        seen(failures, lambda failed: not failed)
