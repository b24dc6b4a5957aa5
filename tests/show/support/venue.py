"""A local venue for the scripts that trade with public clients: starts `venue-server`, and steers it by lines."""

import subprocess


class Venue:
    def __init__(self, server, *arguments):
        self.process = subprocess.Popen([server, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        assert self.address, "the venue did not start"

    def say(self, line):
        """One command; what it tells."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        told = self.process.stdout.readline().strip()
        assert not told.startswith("error"), f"{line}: {told}"
        return told

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def same(what, found, expected):
    assert found == expected, f"{what}: found {found!r}, expected {expected!r}"


def refused(what, call, holds):
    """The call must fail, and its error must satisfy `holds`."""
    try:
        call()
    except Exception as error:  # each client has its own classes
        assert holds(error), f"{what}: {error!r}"
        return
    raise AssertionError(f"{what}: it was not refused")
