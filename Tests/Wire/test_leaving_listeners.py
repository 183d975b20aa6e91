"""A listener that a reload removes: whoever has begun to connect is served, whoever comes later is refused."""

import threading
import time

import pytest

import client
from processes import wait_for
from server import free_port
from service import Service

GET = client.request("GET", "/")


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
    service.reload(listeners=[*service.listeners, f"127.0.0.1:{second[1]}"])
    with client.Connection(second) as connection:
        service.write()
        service.hup()
        wait_for(lambda: f"generation {service.number} serves" in service.server.log, service.server.state)
        connection.send(GET)
        assert connection.final(timeout=3).status == 200
    service.wait_for_one_master()
    with pytest.raises(ConnectionRefusedError):
        client.Connection(second)


def test_nobody_who_is_connected_is_reset(service, second):
    """Clients that open a connection for each request, as fast as they can, while the listener goes and comes."""
    faults, answered, stopping = [], [0], threading.Event()

    def run():
        while not stopping.is_set():
            try:
                # Whoever comes too late is not heard, and tries again: after 1, 3, 7, 15 seconds.
                connection = client.Connection(second, timeout=40)
            except ConnectionRefusedError:
                time.sleep(0.005)
                continue
            except OSError as fault:
                faults.append(f"while connecting: {fault!r}")
                continue
            try:
                with connection:
                    connection.send(GET)
                    assert connection.final().status == 200
                    answered[0] += 1
            except (AssertionError, OSError) as fault:
                faults.append(repr(fault))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    both = [*service.listeners, f"127.0.0.1:{second[1]}"]
    try:
        for _ in range(5):
            service.reload()
            service.reload(listeners=both)
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    assert not faults, f"{len(faults)} of {answered[0]}: {faults[0]}"
    assert answered[0] > 20


def test_an_address_that_comes_back_at_once(service, second):
    """The former socket may still serve its last clients; the reload waits for the address."""
    both = [*service.listeners, f"127.0.0.1:{second[1]}"]
    for _ in range(3):
        service.write()
        service.hup()
        service.wait_for_number()
        service.write(listeners=both)
        service.hup()
        service.wait_for_number()
        assert service.serving(lambda: client.Connection(second)) == service.number
    assert not service.failures()
