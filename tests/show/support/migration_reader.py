"""Asks a running instance for history, again and again, and knows what the answer must be.

    migration_reader.py DATA-DIR RUNNING-LOG OLD-ROWS OLD-FIRST OLD-STEP OUT STOP

Old rows are those that migration.sh made: row n of OLD-ROWS has the time OLD-FIRST + n * OLD-STEP (microseconds), the
number n, and a price, a size and a side that follow from n. New rows are held against SQL over DuckDB, asked before and after:
none that stood there before may be missing, and none may be there that does not stand there after. A refusal (503) is no wrong
answer, and is counted; so is an instance that is not there. It ends when the file STOP is there, and writes what it found to OUT
as JSON.
"""

import http.client
import json
import os
import random
import re
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from decimal import Decimal

data, running, rows, first, step, out, stop = sys.argv[1:8]
rows, first, step = int(rows), int(first), int(step)
random.seed(7)
found = {"asked": 0, "old": 0, "new": 0, "bars": 0, "refused": 0, "absent": 0, "late": 0, "wrong": [], "by": {}, "refusals": {}}


def post(path, body):
    log = open(running).read()
    base = re.findall(r"health at (http://\S+)/health", log)[-1]
    token = open(os.path.join(data, "token")).read().strip()
    request = urllib.request.Request(
        base + path,
        json.dumps(body).encode(),
        {"Authorization": "Bearer " + token, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def history(query):
    found["asked"] += 1
    answer = post("/api/v1/history", {"query": query, "format": "json", "explain": True, "fresh": True})
    by = answer["explain"].get("answered_by", "unsaid")
    found["by"][by] = found["by"].get(by, 0) + 1
    assert not answer["is_cut"], query
    return answer["rows"]


def span(symbol, begin, end, exchange="simulated"):
    nanos = {"from": begin * 1000, "to": end * 1000}
    instrument = {"exchange": exchange, "symbol": symbol}
    return {"ticks": {"instrument": instrument, "range": nanos, "page": {"oldest": 50000}}}


def text(micros):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(micros // 1000000)) + f".{micros % 1000000:06d}"


def plain(value):
    return None if value is None else str(value)


def old_row(n):
    micros = first + n * step
    price, size = 10_000_000_000 + n * 7919 % 1_000_000_000, 1 + n * 31 % 100_000
    side = "sell" if n % 3 == 0 else "buy"
    return [text(micros), decimal(price), decimal(size), str(n), side]


def decimal(units):
    return f"{units // 10**8}.{units % 10**8:08d}"


def ask_old():
    n = random.randrange(rows - 200)
    count = random.randrange(1, 200)
    begin = first + n * step
    got = history(span("GENUSDT", begin, begin + count * step, "binance"))
    got = [[r["timestamp"], r["last_price"], r["volume"], plain(r["sequence_number"]), r["aggressor_side"]] for r in got]
    want = [old_row(n + k) for k in range(count)]
    found["old"] += len(want)
    if got != want:
        found["wrong"].append({"what": "old rows", "from": n, "count": count, "got": len(got), "first": [x for x in got if x not in want][:2], "missing": [x for x in want if x not in got][:2]})


CELLS = ["timestamp", "kind", "bid_price", "ask_price", "bid_size", "ask_size", "last_price", "volume", "aggressor_side",
         "sequence_number", "source", "revision", "ingestion_time"]
FILLS = ["trade_id", "order_id", "symbol", "side", "quantity", "price", "executed_at", "commission", "realized_pnl"]


def sql(query):
    return post("/api/v1/sql", {"query": query, "format": "json", "max_rows": 60000, "scope": "local"})


def counted(rows, cells):
    return Counter(tuple(plain(row[cell]) for cell in cells) for row in rows)


def between(what, end, cells, ask_sql, ask):
    asked = time.time()
    before = counted(ask_sql(), cells)
    got = counted(ask(), cells)
    after = counted(ask_sql(), cells)
    found["new"] += got.total()
    if before != after:
        found["late"] = max(found["late"], asked - end / 1e6)
    missing, extra = before - got, got - after
    if missing or extra:
        totals = [rows.total() for rows in (before, got, after)]
        some = {"missing": sorted(missing)[:2], "extra": sorted(extra)[:2]}
        found["wrong"].append({"what": what, "before, got, after": totals, **some})


started = time.time()


def recent():
    # The youngest ranges are still filled while they are asked for; the oldest ones were recorded before dual write began.
    age = random.choice([0, random.uniform(0, 20), random.uniform(0, time.time() - started + 10)])
    return int((time.time() - age) * 1e6)


def ask_new():
    end = recent()
    begin = end - 150_000
    where = f"\"timestamp\" >= TIMESTAMP '{text(begin)}' AND \"timestamp\" < TIMESTAMP '{text(end)}'"
    cells = ", ".join(f'"{cell}"' for cell in CELLS)
    query = f"SELECT {cells} FROM market_ticks WHERE exchange = 'simulated' AND symbol = 'SIMBTC' AND {where}"
    between("ticks", end, CELLS, lambda: sql(query), lambda: history(span("SIMBTC", begin, end)))


def ask_fills():
    end = recent()
    begin = end - 4_000_000
    nobody = {"instrument": None, "account": None, "strategy": None}
    question = {"trades": {"range": {"from": begin * 1000, "to": end * 1000}, "of": nobody, "page": {"oldest": 50000}}}
    query = f"SELECT {', '.join(FILLS)} FROM trades WHERE symbol LIKE 'SIM%' AND executed_at >= TIMESTAMP '{text(begin)}' AND executed_at < TIMESTAMP '{text(end)}'"
    between("fills", end, FILLS, lambda: sql(query), lambda: [r for r in history(question) if r["symbol"].startswith("SIM")])


BARS = ["timestamp", "open", "high", "low", "close", "volume", "notional", "trade_count", "revision"]


def bars_by_time(rows):
    amounts = BARS[1:]
    return {row["timestamp"]: [Decimal(str(row[cell])) for cell in amounts] for row in rows}


def ask_bars():
    # Bars as they are stored, and some that are merged from those. A bar may be published again: only those are told apart that
    # were the same before and after.
    length, seconds, base = random.choice([("1s", 1, "1s"), ("5s", 5, "1s"), ("1m", 60, "1m"), ("5m", 300, "1m")])
    width = seconds * 1_000_000
    end = recent() // width * width
    begin = end - 20 * width
    query = f"""
        WITH newest AS (SELECT * FROM ohlcv_bars WHERE exchange = 'simulated' AND symbol = 'SIMBTC' AND timeframe = '{base}'
            AND "timestamp" >= TIMESTAMP '{text(begin)}' AND "timestamp" < TIMESTAMP '{text(end)}'
            QUALIFY row_number() OVER (PARTITION BY "timestamp" ORDER BY revision DESC, bar_id DESC) = 1)
        SELECT time_bucket(INTERVAL {seconds} SECOND, "timestamp", TIMESTAMP '1970-01-01') AS opened,
            arg_min("open", "timestamp") AS "open", max(high) AS high, min(low) AS low, arg_max("close", "timestamp") AS "close",
            sum(volume) AS volume, sum(notional) AS notional, sum(trade_count)::BIGINT AS trade_count, max(revision) AS revision
        FROM newest GROUP BY opened"""
    instrument = {"exchange": "simulated", "symbol": "SIMBTC"}
    wanted = {"from": begin * 1000, "to": end * 1000}
    page = {random.choice(["oldest", "newest"]): 50000}
    question = {"bars": {"instrument": instrument, "timeframe": length, "range": wanted, "gaps": "left", "page": page}}
    stored = lambda: bars_by_time([{**row, "timestamp": row["opened"]} for row in sql(query)])
    before = stored()
    if not before:
        return  # Where none of this length are stored, bars are made of others.
    rows = history(question)
    got, after = bars_by_time(rows), stored()
    times = [row["timestamp"] for row in rows]
    if times != sorted(set(times)):
        found["wrong"].append({"what": f"bars of {length}, twice or out of order", "times": times[:5]})
    found["bars"] += len(got)
    wrong = [at for at in before if before[at] == after.get(at) and got.get(at) != before[at]]
    wrong += [at for at in got if at not in after]
    if wrong:
        some = [[at, before.get(at), got.get(at), after.get(at)] for at in sorted(wrong)[:2]]
        found["wrong"].append({"what": f"bars of {length}", "bars": len(wrong), "time, before, got, after": str(some)})


while not os.path.exists(stop):
    try:
        random.choice([ask_old, ask_old, ask_new, ask_fills, ask_bars])()
    except urllib.error.HTTPError as refused:
        body = refused.read().decode(errors="replace")
        if refused.code == 503:
            found["refused"] += 1
            detail = json.loads(body).get("detail", body)[:200]
            found["refusals"][detail] = found["refusals"].get(detail, 0) + 1
        else:
            found["wrong"].append({"status": refused.code, "body": body[:300]})
    except (OSError, http.client.HTTPException, IndexError, ValueError):
        found["absent"] += 1
        time.sleep(0.2)
    if len(found["wrong"]) > 20:
        break
    time.sleep(0.02)
json.dump(found, open(out, "w"), indent=1)
