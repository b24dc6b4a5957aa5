"""F5: places many orders at the local Binance, cancels some of them, kills the runtime, lets the venue go on, starts the runtime
again, and asks when it trades and what of the venue's request weight that took. Arguments: merganser, venue-server, and settings that
point its feeds to a market. The last line is for the script."""

import http.client
import json
import subprocess
import sys
import time

from venue import Venue, same

ORDERS = 1_000
# Canceled a moment before the kill: each could have a fill that nobody heard of.
ENDED = 400
FILLED, CANCELED = 7, 5
# What a start may weigh at the venue, which takes 6,000 in a minute: 4 for each open order, and for all else this.
BESIDE = 1_000
merganser, server, settings = sys.argv[1], sys.argv[2], sys.argv[3:]
venue = Venue(server, "binance", "0", "1", f"orders={ORDERS * 4}")
parameters = f'{{profile="test",credentials_file="keys.toml",url="ws://{venue.address}/ws-api/v3",rest_url="http://{venue.address}"}}'


class Runtime:
    def __init__(self):
        self.began = time.monotonic()
        command = [merganser, "run", "--data-dir", "data", "--config", "settings.toml", *settings, "--set", f"venues.parameters={parameters}"]
        self.out = open("out", "w")
        self.process = subprocess.Popen(command, stdout=self.out, stderr=self.out)
        while not (address := self.address()):
            assert self.process.poll() is None, open("out").read()[-2000:]
            time.sleep(0.002)
        self.connection = http.client.HTTPConnection(address, timeout=60)
        self.token = open("data/token").read().strip()

    def address(self):
        found = [line for line in open("out") if "health at http://" in line]
        return found[0].split("health at http://")[1].split("/health")[0] if found else None

    def since(self):
        return round((time.monotonic() - self.began) * 1000)

    def ask(self, method, path, body=None, key=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        self.connection.request(method, f"/api/v1{path}", json.dumps(body) if body else None, headers)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read() or "null")

    def place(self, key, price):
        terms = {"instrument": "binance:BTCUSDT", "side": "buy", "order_type": "limit", "quantity": "0.001", "price": str(price)}
        status, order = self.ask("POST", "/orders", terms, key)
        assert status in (200, 201), order
        return order

    def cancel(self, order):
        status, answer = self.ask("DELETE", f"/orders/{order['order_id']}")
        assert status == 202, answer

    def order(self, order):
        return self.ask("GET", f"/orders/{order['order_id']}")[1]

    def open(self):
        return self.rows("/orders?status=open")

    def rows(self, path):
        """All that is durable by now."""
        status, page = self.ask("GET", f"{path}{'&' if '?' in path else '?'}limit={ORDERS * 2}&fresh=true")
        assert status == 200 and page["next"] is None, page
        return page["rows"]

    def trades_again(self, name):
        """Until the venue takes a new order: what is denied before that is asked for anew."""
        for attempt in range(100_000):
            order = self.place(f"{name}-{attempt}", 40_000)
            while order["status"] in ("pending_submit", "submitted"):
                time.sleep(0.001)
                order = self.order(order)
            if order["status"] == "accepted":
                return self.since(), order
            assert self.process.poll() is None, open("out").read()[-2000:]
            time.sleep(0.002)
        raise AssertionError(f"it does not trade: {order}")


def weight():
    """Spent at the venue in this minute."""
    connection = http.client.HTTPConnection(venue.address, timeout=60)
    connection.request("GET", "/api/v3/ping")
    answer = connection.getresponse()
    answer.read()
    return int(answer.headers["X-MBX-USED-WEIGHT-1M"])


def spent():
    """Since the kill. A new minute may have begun meanwhile: then all of it was spent since."""
    now = weight()
    return now - before if now >= before else now


def truth():
    return {order["client_id"]: order for order in json.loads(venue.say("truth"))["orders"]}


runtime = Runtime()
runtime.trades_again("first")


def open_there(wanted):
    while sum(order["state"] == "open" for order in truth().values()) != wanted:
        time.sleep(0.05)


# First those that end: the venue takes no more than a thousand open ones.
ended = [runtime.place(f"ended-{number}", 31_000 + number) for number in range(ENDED)]
open_there(1 + ENDED)
for order in ended:
    runtime.cancel(order)
open_there(1)
for number in range(ORDERS - 1):
    runtime.place(f"order-{number}", 30_000 + number)
open_there(ORDERS)
same("open here", len(runtime.open()), ORDERS)
same("canceled at the venue", sum(order["state"] == "canceled" for order in truth().values()), ENDED)
print(f"{ORDERS} orders are open at the venue, {ENDED} more were canceled just now")
runtime.process.kill()
runtime.process.wait()

names = sorted(name for name, order in truth().items() if order["state"] == "open")
for name in names[:FILLED]:
    venue.say(f"fill main {name} 30000 0.001")
for name in names[FILLED:FILLED + CANCELED]:
    venue.say(f"cancel main {name}")
print(f"while it is down {FILLED} of them fill and {CANCELED} are canceled")

before = weight()
runtime = Runtime()
ready = runtime.since()
traded, new = runtime.trades_again("again")
first = spent()
# By then everything that happened meanwhile is known.
here = {order["client_order_id"] for order in runtime.open() if order["order_id"] != new["order_id"]}
there = {name for name, order in truth().items() if order["state"] == "open" and name != new["client_order_id"]}
same("open orders", sorted(here), sorted(there))
same("their number", len(there), ORDERS - FILLED - CANCELED)
rows = runtime.rows("/trades")
same("fills", len({row["order_id"] for row in rows}), FILLED)
same("each once", len(rows), FILLED)
# What the start asks for behind the first order counts, too.
most = max(first, spent())
print(f"after {traded} ms the venue has taken a new order; the start took {most} of its request weight")
assert most <= 4 * ORDERS + BESIDE, f"the start took {most} of the venue's request weight"
print(ORDERS, ready, traded)
runtime.process.terminate()
runtime.process.wait()
venue.close()
