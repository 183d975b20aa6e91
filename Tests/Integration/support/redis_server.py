"""A redis-server for a test."""

import signal
import socket
import subprocess

from processes import wait_for
from server import free_port
from timing import scaled


class RedisServer:
    """A redis-server of the test's own, which keeps nothing."""

    def __init__(self, folder):
        self.folder, self.port, self.child = folder, free_port(), None
        self.start()

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.child = subprocess.Popen(
            [*command, "--dir", str(self.folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.answers, lambda: f"redis-server ended with {self.child.poll()}", timeout=scaled(10))

    def answers(self):
        try:
            return self.say("PING") == b"+PONG\r\n"
        except ConnectionRefusedError:
            return False

    def say(self, command):
        with socket.create_connection(("127.0.0.1", self.port), 5) as client:
            client.sendall(command.encode() + b"\r\n")
            return client.recv(1000)

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(scaled(10))
