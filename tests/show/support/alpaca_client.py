"""alpaca-py, unchanged, trades against the local venue: account, assets, orders of all classes, replace, cancel, positions,
fills, clock, calendar, and trade updates in binary frames."""

import json
import sys
import threading
import time
from decimal import Decimal

from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import (
    ClosePositionRequest, GetCalendarRequest, GetOrdersRequest, LimitOrderRequest, MarketOrderRequest, ReplaceOrderRequest,
    StopLimitOrderRequest, StopLossRequest, StopOrderRequest, TakeProfitRequest, TrailingStopOrderRequest,
)
from alpaca.trading.stream import TradingStream

from venue import Venue, refused, same

venue = Venue(sys.argv[1], "alpaca", "0", "1", "requests=1000")
client = TradingClient("key", "secret", paper=True, url_override=f"http://{venue.address}")

heard = []
stream = TradingStream("key", "secret", paper=True, url_override=f"ws://{venue.address}/stream")


async def on_update(update):
    heard.append(update)


stream.subscribe_trade_updates(on_update)
threading.Thread(target=stream.run, daemon=True).start()


def until(what, holds):
    for _ in range(1200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what}: heard {[str(u.event) for u in heard]}")


def events(order):
    return [getattr(u.event, "value", u.event) for u in heard if str(u.order.id) == str(order.id)]


# The stream is there when it tells of an order.
for _ in range(100):
    probe = client.submit_order(LimitOrderRequest(symbol="SPY", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=1))
    time.sleep(0.1)
    client.cancel_order_by_id(probe.id)
    time.sleep(0.1)
    if heard:
        break
until("the probe is canceled", lambda: events(probe)[-1:] == ["canceled"])

# Account, clock, calendar, assets.
account = client.get_account()
same("cash", account.cash, "100000")
same("buying power", account.buying_power, "200000")
assert client.get_clock().is_open
assert client.get_calendar(GetCalendarRequest(start="2026-01-05", end="2026-01-11"))[-1].date.isoformat() == "2026-01-09"
same("the asset", client.get_asset("AAPL").symbol, "AAPL")
same("assets", sorted(a.symbol for a in client.get_all_assets()), ["AAPL", "BTC/USD", "SPY"])
refused("an asset that is not there", lambda: client.get_asset("NONE"), lambda e: e.code == 40410000)

# A market order fills at the ask; its updates come in order.
bought = client.submit_order(MarketOrderRequest(symbol="AAPL", qty=10, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, client_order_id="first"))
until("the fill", lambda: events(bought) == ["pending_new", "new", "fill"])
fill = next(u for u in heard if str(u.order.id) == str(bought.id) and getattr(u.event, "value", u.event) == "fill")
same("price of the fill", (fill.price, fill.qty, fill.position_qty), (150.02, 10.0, 10.0))
same("by id", client.get_order_by_id(bought.id).status, OrderStatus.FILLED)
same("by client id", client.get_order_by_client_id("first").id, bought.id)
refused("a client id twice", lambda: client.submit_order(MarketOrderRequest(symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, client_order_id="first")), lambda e: "unique" in str(e))
position = client.get_open_position("AAPL")
same("position", (position.qty, position.avg_entry_price, position.side.value), ("10", "150.02", "long"))

# A limit order is replaced, filled in part, replaced again and canceled.
limit = client.submit_order(LimitOrderRequest(symbol="AAPL", qty=5, side=OrderSide.BUY, time_in_force=TimeInForce.GTC, limit_price=140))
replaced = client.replace_order_by_id(limit.id, ReplaceOrderRequest(qty=8, limit_price=141, client_order_id="second"))
assert replaced.id != limit.id and str(replaced.replaces) == str(limit.id)
same("the old order", client.get_order_by_id(limit.id).status, OrderStatus.REPLACED)
until("the replacement", lambda: events(limit)[-1:] == ["replaced"] and events(replaced)[-1:] == ["new"])
venue.say("available AAPL 3")
venue.say("quote AAPL 140.98 141")
until("a part of the fill", lambda: events(replaced)[-1:] == ["partial_fill"])
same("filled in part", (client.get_order_by_id(replaced.id).status, client.get_order_by_id(replaced.id).filled_qty), (OrderStatus.PARTIALLY_FILLED, "3"))
client.cancel_order_by_id(replaced.id)
until("the cancel", lambda: events(replaced)[-1:] == ["canceled"])
refused("a cancel of what has ended", lambda: client.cancel_order_by_id(replaced.id), lambda e: e.code == 42210000)
venue.say("available AAPL any")

# Rules: a price between steps, too little money, a quantity that is not there.
refused("a price between steps", lambda: client.submit_order(LimitOrderRequest(symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=140.123)), lambda e: e.code == 42210000)
refused("too little money", lambda: client.submit_order(MarketOrderRequest(symbol="SPY", qty=2000, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)), lambda e: e.code == 40310000 and "buying power" in str(e))
refused("more than there is", lambda: client.submit_order(MarketOrderRequest(symbol="AAPL", qty=50, side=OrderSide.SELL, time_in_force=TimeInForce.DAY)), lambda e: e.code == 40310000)

# A bracket: the legs are held until the entry fills; one exit ends the other.
bracket = client.submit_order(LimitOrderRequest(
    symbol="SPY", qty=2, side=OrderSide.BUY, time_in_force=TimeInForce.GTC, limit_price=499, order_class=OrderClass.BRACKET,
    take_profit=TakeProfitRequest(limit_price=510), stop_loss=StopLossRequest(stop_price=490)))
same("legs", [leg.status for leg in bracket.legs], [OrderStatus.HELD, OrderStatus.HELD])
venue.say("quote SPY 498.98 499")
until("the entry", lambda: events(bracket)[-1:] == ["fill"])
venue.say("quote SPY 510 510.02")
profit, stop = bracket.legs
until("the take-profit", lambda: events(profit)[-1:] == ["fill"] and events(stop)[-1:] == ["canceled"])

# An OCO and an OTO; stops; a trail that follows.
oco = client.submit_order(LimitOrderRequest(
    symbol="AAPL", qty=4, side=OrderSide.SELL, time_in_force=TimeInForce.GTC, order_class=OrderClass.OCO,
    take_profit=TakeProfitRequest(limit_price=160), stop_loss=StopLossRequest(stop_price=130, limit_price=129)))
venue.say("quote AAPL 129.5 129.52")
until("the stop", lambda: events(oco.legs[0])[-1:] == ["fill"] and events(oco)[-1:] == ["canceled"])
stop = client.submit_order(StopOrderRequest(symbol="AAPL", qty=1, side=OrderSide.SELL, time_in_force=TimeInForce.DAY, stop_price=120))
gap = client.submit_order(StopLimitOrderRequest(symbol="AAPL", qty=1, side=OrderSide.SELL, time_in_force=TimeInForce.DAY, stop_price=119, limit_price=118.5))
trail = client.submit_order(TrailingStopOrderRequest(symbol="AAPL", qty=1, side=OrderSide.SELL, time_in_force=TimeInForce.DAY, trail_price=5))
venue.say("quote AAPL 135 135.02")
same("the high-water mark", client.get_order_by_id(trail.id).hwm, "135.01")
venue.say("quote AAPL 130 130.02")
until("the trail", lambda: events(trail)[-1:] == ["fill"] and events(stop)[-1:] == ["new"])
venue.say("quote AAPL 119 119.02")
until("the stops", lambda: events(stop)[-1:] == ["fill"] and events(gap)[-1:] == ["new"])

# Listing, cancel all, close by a market order, notional and fractions, a day's end.
same("open orders", [o.id for o in client.get_orders(GetOrdersRequest(status=QueryOrderStatus.OPEN))], [gap.id])
same("all canceled", [r.status for r in client.cancel_orders()], [200])
half = client.submit_order(MarketOrderRequest(symbol="AAPL", notional=100, side=OrderSide.BUY, time_in_force=TimeInForce.DAY))
until("the notional", lambda: events(half)[-1:] == ["fill"])
client.close_position("SPY") if any(p.symbol == "SPY" for p in client.get_all_positions()) else None
client.close_position("AAPL", ClosePositionRequest(percentage="50"))
day = client.submit_order(LimitOrderRequest(symbol="SPY", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=400))
venue.say("end-day")
until("the day's end", lambda: events(day)[-1:] == ["expired"])
crypto = client.submit_order(MarketOrderRequest(symbol="BTC/USD", qty=0.01, side=OrderSide.BUY, time_in_force=TimeInForce.GTC))
until("crypto", lambda: events(crypto)[-1:] == ["fill"])

# What the client says is what the venue's books say; the fills are the same on all three ways.
truth = json.loads(venue.say("truth"))
filled = {o["client_id"]: Decimal(o["filled"]) for o in truth["orders"]}
listed = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, limit=500))
same("orders", {o.client_order_id: Decimal(o.filled_qty) for o in listed}, filled)
until("all fills", lambda: sum(Decimal(str(u.qty)) for u in heard if u.qty is not None) == sum(filled.values()))
activities = client.get("/account/activities/FILL", {"direction": "asc"})
same("fills of the activities", sum(Decimal(a["qty"]) for a in activities), sum(filled.values()))
first = client.get("/account/activities/FILL", {"direction": "asc", "page_size": 2})
same("a page of them", client.get("/account/activities/FILL", {"direction": "asc", "page_size": 2, "page_token": first[-1]["id"]}), activities[2:4])

# Faults: a 429 that passes, an answer that is lost after the order was taken, a cut stream.
venue.say("fault too-many:1 GET /v2/account")
client.get_account()
venue.say("fault lose-answer POST /v2/orders")
refused("a lost answer", lambda: client.submit_order(LimitOrderRequest(symbol="SPY", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.GTC, limit_price=400, client_order_id="lost")), lambda e: not isinstance(e, APIError))
same("taken nevertheless", client.get_order_by_client_id("lost").status, OrderStatus.NEW)
venue.say("fault disconnect event:canceled")
client.cancel_order_by_client_id("lost") if hasattr(client, "cancel_order_by_client_id") else client.cancel_order_by_id(client.get_order_by_client_id("lost").id)
seen = len(heard)
for _ in range(100):
    again = client.submit_order(LimitOrderRequest(symbol="SPY", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.GTC, limit_price=400))
    time.sleep(0.2)
    if events(again):
        break
until("the stream is back", lambda: events(again) == ["pending_new", "new"])

# What the stream does wrong: late, twice, out of order, unknown, unreadable, lost, silent on a socket that stays open.


def rests(number):
    return client.submit_order(LimitOrderRequest(symbol="SPY", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.GTC, limit_price=400, client_order_id=f"stream-{number}"))


for number, (fault, told) in enumerate([
    ("delay:200 event:pending_new", ["pending_new", "new"]),
    ("duplicate event:pending_new", ["pending_new", "pending_new", "new"]),
    ("reorder:200 event:pending_new", ["new", "pending_new"]),
    ("unknown event:pending_new", ["never_seen_before", "pending_new", "new"]),
    ("malformed event:pending_new", ["new"]),
    ("lose event:pending_new", ["new"]),
]):
    venue.say(f"fault {fault}")
    order = rests(number)
    until(fault, lambda: events(order) == told)
venue.say("fault half-open event:new")
silent = rests("silent")
time.sleep(0.3)
assert "new" not in events(silent), "a half-open socket says nothing"
venue.say("cut")
for _ in range(100):
    again = rests(time.monotonic_ns())
    time.sleep(0.2)
    if events(again):
        break
until("the stream is back once more", lambda: events(again) == ["pending_new", "new"])

# What REST does wrong beside what it did above. Where an order may be there nobody places it again: it is asked for.
venue.say("fault delay:300 GET /v2/account")
began = time.monotonic()
client.get_account()
assert time.monotonic() - began >= 0.3
for fault, there in [("lose", False), ("fail-before:503", False), ("fail-after:500", True), ("banned:1", False), ("malformed", True)]:
    venue.say(f"fault {fault} POST /v2/orders")
    refused(fault, lambda: rests(fault), lambda e: True)
    listed = [o.client_order_id for o in client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, limit=500))]
    same(f"{fault}: it is there", f"stream-{fault}" in listed, there)
venue.say("fault unknown GET /v2/account")
same("a field that nobody knows", client.get_account().status.value, "ACTIVE")
print(venue.figures("alpaca-py"), f"{len(heard)} updates heard", sep="; ")
venue.close()
