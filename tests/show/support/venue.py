"""A local venue for the scripts that trade with public clients: starts `venue-server`, and steers it by lines."""

import collections
import json
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

    def figures(self, client, replaced=0):
        """What was traded and what went wrong, by the venue's own books; `replaced` where these call it a cancel and a new order."""
        orders, faults = json.loads(self.say("truth"))["orders"], json.loads(self.say("faults"))
        states = collections.Counter(order["state"] for order in orders)
        kinds = collections.Counter()
        for point, times in faults.items():
            kinds[point.rsplit(" ", 1)[1]] += times
        met = ", ".join(f"{kind} {times}" for kind, times in sorted(kinds.items()))
        fills = sum(len(order["fills"]) for order in orders)
        return (
            f"{client}: {len(orders)} orders placed, {states['filled']} filled by {fills} fills, {states['canceled']} canceled, "
            f"{states['replaced'] + replaced} replaced, {states['expired']} expired; {sum(kinds.values())} faults met ({met})"
        )

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
