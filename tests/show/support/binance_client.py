"""python-binance and ccxt, unchanged, trade against the local venue: REST with HMAC and Ed25519, the WebSocket API, and the
user data stream."""

import asyncio
import json
import sys
from decimal import Decimal

import ccxt.pro
from binance import AsyncClient, BinanceSocketManager
from binance.client import Client
from Crypto.PublicKey import ECC

from venue import Venue, refused, same

key = ECC.generate(curve="ed25519")
venue = Venue(sys.argv[1], "binance", "0", "1", key.public_key().export_key(format="raw").hex())
rest, socket = f"http://{venue.address}", f"ws://{venue.address}/ws-api/v3"
Client.API_URL = AsyncClient.API_URL = f"{rest}/api"
Client.WS_API_URL = AsyncClient.WS_API_URL = socket


def code(wanted):
    return lambda error: getattr(error, "code", None) == wanted


def trade(client):
    """All that REST can do, with either kind of key; ids begin with the client's own."""
    info = client.get_symbol_info("BTCUSDT")
    same("tick size", next(f for f in info["filters"] if f["filterType"] == "PRICE_FILTER")["tickSize"], "0.01000000")
    same("the account", client.get_account()["canTrade"], True)
    venue.say("quote BTCUSDT 60000 60000.01")
    base = dict(symbol="BTCUSDT", side="BUY")

    market = client.create_order(**base, type="MARKET", quantity="0.01")
    same("a market order", (market["status"], market["fills"][0]["price"], market["fills"][0]["commissionAsset"]), ("FILLED", "60000.01000000", "BTC"))
    spent = client.create_order(**base, type="MARKET", quoteOrderQty="600")
    same("by quote amount", (spent["status"], spent["executedQty"]), ("FILLED", "0.00999000"))

    limit = client.create_order(**base, type="LIMIT", timeInForce="GTC", quantity="0.02", price="59000", newClientOrderId="limit-1")
    same("a limit order", limit["status"], "NEW")
    refused("a client id twice", lambda: client.create_order(**base, type="LIMIT", timeInForce="GTC", quantity="0.02", price="59000", newClientOrderId="limit-1"), code(-2010))
    same("held", next(b for b in client.get_account()["balances"] if b["asset"] == "USDT")["locked"], "1180.00000000")
    venue.say("available BTCUSDT 0.005")
    venue.say("quote BTCUSDT 58999 59000")
    same("filled in part", client.get_order(symbol="BTCUSDT", origClientOrderId="limit-1")["status"], "PARTIALLY_FILLED")
    canceled = client.cancel_order(symbol="BTCUSDT", origClientOrderId="limit-1", newClientOrderId="cancel-1")
    same("canceled", (canceled["status"], canceled["clientOrderId"], canceled["origClientOrderId"]), ("CANCELED", "cancel-1", "limit-1"))
    refused("a cancel of what has ended", lambda: client.cancel_order(symbol="BTCUSDT", orderId=limit["orderId"]), code(-2011))
    refused("an order that is not there", lambda: client.get_order(symbol="BTCUSDT", origClientOrderId="none"), code(-2013))
    venue.say("available BTCUSDT any")
    venue.say("quote BTCUSDT 60000 60000.01")

    # Filters and the moment refuse with the venue's own codes.
    for terms, wanted in [
        (dict(type="LIMIT", timeInForce="GTC", quantity="0.02", price="59000.001"), -1013),
        (dict(type="LIMIT", timeInForce="GTC", quantity="0.000001", price="59000"), -1013),
        (dict(type="LIMIT", timeInForce="GTC", quantity="0.00001", price="59000"), -1013),
        (dict(type="LIMIT", timeInForce="GTC", quantity="0.01", price="1000"), -1013),
        (dict(type="LIMIT", timeInForce="GTC", quantity="100", price="59000"), -2010),
        (dict(type="LIMIT_MAKER", quantity="0.01", price="60100"), -2010),
        (dict(type="STOP_LOSS_LIMIT", timeInForce="GTC", quantity="0.01", price="59000", stopPrice="59000"), -2010),
        (dict(type="LIMIT", timeInForce="GTC", quantity="0.01"), -1102),
        (dict(type="NONE", quantity="0.01"), -1116),
    ]:
        refused(str(terms), lambda: client.create_order(**base, **terms), code(wanted))
    refused("a symbol that is not there", lambda: client.create_order(symbol="NONE", side="BUY", type="MARKET", quantity="1"), code(-1121))
    same("a test order", client.create_test_order(**base, type="MARKET", quantity="0.01"), {})

    # Immediate or cancel, fill or kill.
    venue.say("available BTCUSDT 0.001")
    ioc = client.create_order(**base, type="LIMIT", timeInForce="IOC", quantity="0.002", price="60001")
    same("immediate or cancel", (ioc["status"], ioc["executedQty"]), ("EXPIRED", "0.00100000"))
    fok = client.create_order(**base, type="LIMIT", timeInForce="FOK", quantity="0.002", price="60001")
    same("fill or kill", (fok["status"], fok["executedQty"]), ("EXPIRED", "0.00000000"))
    venue.say("available BTCUSDT any")

    # A stop is triggered; cancel-replace; a quantity is lowered in place; one cancels the other.
    stop = client.create_order(**base, type="STOP_LOSS_LIMIT", timeInForce="GTC", quantity="0.001", price="61010", stopPrice="61000")
    venue.say("quote BTCUSDT 61005 61005.01")
    same("a stop", client.get_order(symbol="BTCUSDT", orderId=stop["orderId"])["status"], "FILLED")
    first = client.create_order(**base, type="LIMIT", timeInForce="GTC", quantity="0.01", price="59000")
    both = client.cancel_replace_order(**base, type="LIMIT", timeInForce="GTC", quantity="0.01", price="58000", cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=first["orderId"])
    same("cancel-replace", (both["cancelResult"], both["newOrderResult"]), ("SUCCESS", "SUCCESS"))
    refused("cancel-replace of what has ended", lambda: client.cancel_replace_order(**base, type="LIMIT", timeInForce="GTC", quantity="0.01", price="58000", cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=first["orderId"]), code(-2022))
    second = both["newOrderResponse"]["orderId"]
    amended = client._put("order/amend/keepPriority", True, data=dict(symbol="BTCUSDT", orderId=second, newQty="0.005"), version="v3")
    same("amended", amended["amendedOrder"]["qty"], "0.00500000")
    oco = client.create_oco_order(symbol="BTCUSDT", side="SELL", quantity="0.01", aboveType="LIMIT_MAKER", abovePrice="62000", belowType="STOP_LOSS_LIMIT", belowStopPrice="60000", belowPrice="59900", belowTimeInForce="GTC")
    venue.say("quote BTCUSDT 62000 62000.01")
    same("one cancels the other", sorted(client.get_order(symbol="BTCUSDT", orderId=o["orderId"])["status"] for o in oco["orders"]), ["EXPIRED", "FILLED"])
    same("open orders", [o["orderId"] for o in client.get_open_orders(symbol="BTCUSDT")], [second])
    client.cancel_order(symbol="BTCUSDT", orderId=second)
    trades = client.get_my_trades(symbol="BTCUSDT")
    same("trades from an id on", client.get_my_trades(symbol="BTCUSDT", fromId=trades[1]["id"]), trades[1:])
    return trades


trade(Client("key", "secret"))
trades = trade(Client("ed25519", private_key=key.export_key(format="PEM")))

# The clock, the window and the signature.
late = Client("key", "secret")
late.timestamp_offset = -20_000
refused("an old request", late.get_account, code(-1021))
venue.say("clock -5000")
refused("a request from the future", Client("key", "secret").get_account, code(-1021))
venue.say("clock 0")
refused("another's signature", Client("key", "wrong").get_account, code(-1022))
refused("an unknown key", Client("none", "secret").get_account, code(-2015))

# 429 and a ban with Retry-After, failures before and after acceptance.
client = Client("key", "secret")
for fault, status in [("too-many:3", 429), ("banned:120", 418), ("fail-before:503", 503), ("fail-after:504", 504)]:
    venue.say(f"fault {fault} POST /api/v3/order")
    refused(fault, lambda: client.create_order(symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001", price="50000", newClientOrderId=fault.replace(":", "-")), lambda e: e.status_code == status)
    same(f"{fault}: when to ask again", client.response.headers.get("Retry-After"), fault.split(":")[1] if status in (418, 429) else None)
same("only what was accepted is there", [o["clientOrderId"] for o in client.get_open_orders(symbol="BTCUSDT")], ["fail-after-504"])
client.cancel_order(symbol="BTCUSDT", origClientOrderId="fail-after-504")

# Answers that are late, lost, unreadable or strange, and a connection on which nothing comes.
hasty = Client("key", "secret", {"timeout": 1})


def place(name):
    return hasty.create_order(symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001", price="50000", newClientOrderId=name)


for fault, there in [("lose", False), ("lose-answer", True), ("malformed", True), ("half-open", False)]:
    venue.say(f"fault {fault} POST /api/v3/order")
    refused(fault, lambda: place(fault), lambda e: getattr(e, "code", None) is None)
    same(f"{fault}: it is there", fault in [o["clientOrderId"] for o in hasty.get_open_orders(symbol="BTCUSDT")], there)
venue.say("fault delay:300 POST /api/v3/order")
same("a late answer", place("late")["status"], "NEW")
venue.say("fault unknown POST /api/v3/order")
same("a field that nobody knows", place("strange")["neverSeenBefore"], "?")
for name in ("lose-answer", "malformed", "late", "strange"):
    hasty.cancel_order(symbol="BTCUSDT", origClientOrderId=name)
same("weights are told", client.response.headers["X-MBX-USED-WEIGHT-1M"].isdigit(), True)
same("order counts are told", client.response.headers["X-MBX-ORDER-COUNT-10S"].isdigit(), True)


async def over_the_socket():
    """The WebSocket API and the user data stream, by python-binance."""
    client = await AsyncClient.create("key", "secret")
    async with BinanceSocketManager(client).user_socket() as stream:
        placed = await client.ws_create_order(symbol="ETHUSDT", side="BUY", type="MARKET", quantity="1", newClientOrderId="socket-1")
        same("over the socket", placed["status"], "FILLED")
        resting = await client.ws_create_order(symbol="ETHUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="1", price="2900", newClientOrderId="socket-2")
        await client.ws_cancel_order(symbol="ETHUSDT", orderId=resting["orderId"], newClientOrderId="socket-3")
        heard = [await asyncio.wait_for(stream.recv(), 60) for _ in range(8)]
        reports = [(e["x"], e["X"], e["c"], e["C"]) for e in heard if e["e"] == "executionReport"]
        same("reports", reports, [
            ("NEW", "NEW", "socket-1", ""), ("TRADE", "FILLED", "socket-1", ""), ("NEW", "NEW", "socket-2", ""),
            ("CANCELED", "CANCELED", "socket-3", "socket-2")])
        same("balances", len([e for e in heard if e["e"] == "outboundAccountPosition"]), 4)
        same("an open order", await client.ws_get_open_orders(symbol="ETHUSDT"), [])
        await misbehaving(client, stream)
    await client.close_connection()


async def misbehaving(client, stream):
    """Reports that come late, twice, out of order, unknown or never. One that cannot be read ends the client's own reading."""
    for number, (fault, told) in enumerate([
        ("delay:200 event:executionReport:NEW", ["NEW", "TRADE"]),
        ("duplicate event:executionReport:NEW", ["NEW", "NEW", "TRADE"]),
        ("reorder:200 event:executionReport:NEW", ["TRADE", "NEW"]),
        ("unknown event:executionReport:NEW", ["?", "NEW", "TRADE"]),
        ("lose event:executionReport:NEW", ["TRADE"]),
    ]):
        venue.say(f"fault {fault}")
        await client.ws_create_order(symbol="ETHUSDT", side="BUY", type="MARKET", quantity="0.1", newClientOrderId=f"told-{number}")
        heard = []
        while len(heard) < len(told):
            event = await asyncio.wait_for(stream.recv(), 60)
            if event.get("e") == "never_seen_before":
                heard.append("?")
            elif event.get("e") == "executionReport":
                heard.append(event["x"])
        same(fault, heard, told)


async def with_ccxt():
    """ccxt: markets, orders, trades, balances, and orders watched over the user data stream."""
    exchange = ccxt.pro.binance({"apiKey": "key", "secret": "secret", "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False}})
    exchange.urls["api"].update({"public": f"{rest}/api/v3", "private": f"{rest}/api/v3", "v1": f"{rest}/api/v1"})
    exchange.urls["api"]["ws"]["ws-api"]["spot"] = socket
    await exchange.load_markets()
    watched = asyncio.ensure_future(exchange.watch_orders("ETH/USDT"))
    placed = []
    # It says nothing of when it listens: what comes before is not told.
    for _ in range(60):
        limit = await exchange.create_order("ETH/USDT", "limit", "buy", 0.5, 2900)
        same("ccxt: open", limit["status"], "open")
        placed.append(limit["id"])
        if (await asyncio.wait({watched}, timeout=1))[0]:
            break
        await exchange.cancel_order(limit["id"], "ETH/USDT")
    assert watched.done() and watched.result()[0]["id"] in placed, "ccxt: nothing was watched"
    same("ccxt: open orders", [o["id"] for o in await exchange.fetch_open_orders("ETH/USDT")], [limit["id"]])
    edited = await exchange.edit_order(limit["id"], "ETH/USDT", "limit", "buy", 0.5, 2950)
    assert edited["id"] != limit["id"]
    same("ccxt: canceled", (await exchange.cancel_order(edited["id"], "ETH/USDT"))["status"], "canceled")
    market = await exchange.create_order("ETH/USDT", "market", "sell", 0.5)
    same("ccxt: filled", (market["status"], market["filled"]), ("closed", 0.5))
    same("ccxt: its trade", (await exchange.fetch_my_trades("ETH/USDT"))[-1]["order"], market["id"])
    assert (await exchange.fetch_balance())["ETH"]["free"] > 0
    try:
        await exchange.create_order("ETH/USDT", "limit", "buy", 1000, 2900)
        raise AssertionError("ccxt: too little money was not refused")
    except ccxt.InsufficientFunds:
        pass
    await exchange.close()


asyncio.run(over_the_socket())
asyncio.run(with_ccxt())

# What the clients say is what the venue's books say.
truth = json.loads(venue.say("truth"))
for symbol in ("BTCUSDT", "ETHUSDT"):
    told = sum(Decimal(t["qty"]) for t in client.get_my_trades(symbol=symbol))
    same(f"fills of {symbol}", told, sum(Decimal(o["filled"]) for o in truth["orders"] if o["symbol"] == symbol))
for balance in client.get_account()["balances"]:
    same(f"balance of {balance['asset']}", Decimal(balance["free"]) + Decimal(balance["locked"]), Decimal(truth["owned"]["main"][balance["asset"]]))
# Two by python-binance, one by ccxt.
print(venue.figures("python-binance and ccxt", replaced=3))
venue.close()
