"""Asks a running instance for history, again and again, and knows what the answer must be.

    migration_reader.py DATA-DIR RUNNING-LOG OLD-ROWS OLD-FIRST OLD-STEP OUT STOP

Old rows are those that migration.sh made: row n of OLD-ROWS has the time OLD-FIRST + n * OLD-STEP (microseconds), the
number n, and a price, a size and a side that follow from n. New rows must be what SQL over DuckDB says of the same range. A refusal (503) is
no wrong answer, and is counted; so is an instance that is not there. It ends when the file STOP is there, and writes what it
found to OUT as JSON.
"""

import json
import os
import random
import re
import sys
import time
import urllib.error
import urllib.request

data, running, rows, first, step, out, stop = sys.argv[1:8]
rows, first, step = int(rows), int(first), int(step)
random.seed(7)
found = {"asked": 0, "old": 0, "new": 0, "refused": 0, "absent": 0, "wrong": [], "by": {}, "refusals": {}}


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


def same(what, got, want, cells):
    got = sorted([plain(r[c]) for c in cells] for r in got)
    want = sorted([plain(r[c]) for c in cells] for r in want)
    found["new"] += len(want)
    if got != want:
        extra, missing = [x for x in got if x not in want][:2], [x for x in want if x not in got][:2]
        found["wrong"].append({"what": what, "got": len(got), "want": len(want), "extra": extra, "missing": missing})


def ask_new():
    end = int((time.time() - random.uniform(4, 20)) * 1e6)
    begin = end - 150_000
    where = f"\"timestamp\" >= TIMESTAMP '{text(begin)}' AND \"timestamp\" < TIMESTAMP '{text(end)}'"
    got = history(span("SIMBTC", begin, end))
    cells = ", ".join(f'"{cell}"' for cell in CELLS)
    want = sql(f"SELECT {cells} FROM market_ticks WHERE exchange = 'simulated' AND symbol = 'SIMBTC' AND {where}")
    same("ticks", got, want, CELLS)


def ask_fills():
    end = int((time.time() - random.uniform(4, 20)) * 1e6)
    begin = end - 4_000_000
    nobody = {"instrument": None, "account": None, "strategy": None}
    got = history({"trades": {"range": {"from": begin * 1000, "to": end * 1000}, "of": nobody, "page": {"oldest": 50000}}})
    got = [r for r in got if r["symbol"].startswith("SIM")]
    want = sql(f"SELECT {', '.join(FILLS)} FROM trades WHERE symbol LIKE 'SIM%' AND executed_at >= TIMESTAMP '{text(begin)}' AND executed_at < TIMESTAMP '{text(end)}'")
    same("fills", got, want, FILLS)


while not os.path.exists(stop):
    try:
        random.choice([ask_old, ask_old, ask_new, ask_fills])()
    except urllib.error.HTTPError as refused:
        body = refused.read().decode(errors="replace")
        if refused.code == 503:
            found["refused"] += 1
            detail = json.loads(body).get("detail", body)[:200]
            found["refusals"][detail] = found["refusals"].get(detail, 0) + 1
        else:
            found["wrong"].append({"status": refused.code, "body": body[:300]})
    except (OSError, IndexError, ValueError):
        found["absent"] += 1
        time.sleep(0.2)
    if len(found["wrong"]) > 20:
        break
    time.sleep(0.02)
json.dump(found, open(out, "w"), indent=1)
