"""Requests that take their time, and of which the test knows that their handler has begun."""

from client import request


def begin_slow(connection, seconds, mount="", *fields):
    """One to the demo plugin at this mount, whose answer comes so many seconds after a hint. It has been accepted, and
    its handler runs: however long that took, what the test does next happens behind it."""
    connection.send(request("GET", f"{mount}/early-hints?s={seconds}", *fields))
    connection.informational()
