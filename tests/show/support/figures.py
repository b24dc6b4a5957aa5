"""The figures of a report, computed again from exported rows with pandas, NumPy and empyrical, and compared.

    figures.py FOLDER    holds report.json and equity.csv, trades.csv, orders.csv, positions.csv, quotes.csv, ticks.csv

Nothing of Merganser's own arithmetic is used: returns and ratios are empyrical's, quantiles NumPy's, money is Python's
Decimal from cash flows. Prints how many figures were compared; ends with 1 at the first that differs.
"""
import json
import math
import sys
from decimal import Decimal
from pathlib import Path

import empyrical as ep
import numpy as np
import pandas as pd

YEAR = pd.Timedelta(days=365)
folder = Path(sys.argv[1])
report = json.load(open(folder / "report.json"))
compared = 0


def same(name, found, expected, tolerance=1e-9):
    """Compares one figure; an unknown one is None on both sides."""
    global compared
    if isinstance(found, dict) and "value" in found:
        found = found["value"]
    if expected is not None and isinstance(expected, float) and not math.isfinite(expected):
        expected = None
    if found is None or expected is None:
        ok = found is None and expected is None
    else:
        found, expected = float(found), float(expected)
        ok = abs(found - expected) <= tolerance * max(1.0, abs(expected))
    if not ok:
        sys.exit(f"{folder.name}: {name} is {found}, and independently {expected}")
    compared += 1


def read(name, times):
    return pd.read_csv(folder / f"{name}.csv", parse_dates=times, dtype=str)


equity = read("equity", ["snapshot_time"])
equity = equity[equity.portfolio_value.notna()].sort_values("snapshot_time", kind="stable")
value = pd.Series(equity.portfolio_value.astype(float).values, index=equity.snapshot_time)
begin, end = value.index[0], value.index[-1]
trades = read("trades", ["executed_at", "reported_at"])
trades["booked"] = trades.reported_at.fillna(trades.executed_at)
trades = trades[(trades.booked > begin) & (trades.booked <= end)]
trades = trades.sort_values(["booked", "as_of"], key=lambda c: c.astype(int) if c.name == "as_of" else c, kind="stable")

# Returns and ratios.
p = report["performance"]
period = {"1m": pd.Timedelta(minutes=1), "1h": pd.Timedelta(hours=1), "1d": pd.Timedelta(days=1)}[p["period"]]
sampled = value.resample(period, closed="right", label="right").last().ffill()
sampled = sampled[sampled.index <= end]
returns = sampled.pct_change().dropna()
a_year = YEAR / period
years = (end - begin) / YEAR
of_all = value.pct_change().dropna()
depth = -ep.max_drawdown(of_all)
growth = value.iloc[-1] / value.iloc[0]
cagr = growth ** (1 / years) - 1 if years * 365 >= 30 else None
same("returns", p["returns"], len(returns))
same("days", p["days"], years * 365)
same("total return", p["total_return"], ep.cum_returns_final(of_all))
same("volatility", p["volatility"], ep.annual_volatility(returns, annualization=a_year))
same("sharpe", p["sharpe"], ep.sharpe_ratio(returns, annualization=a_year))
same("sortino", p["sortino"], ep.sortino_ratio(returns, annualization=a_year))
same("max drawdown", p["max_drawdown"], depth)
same("cagr", p["cagr"], cagr)
same("calmar", p["calmar"], cagr / depth if cagr is not None and depth > 0 else None)
if cagr is not None and sampled.index[0] == begin and sampled.index[-1] == end:
    same("cagr by empyrical", p["cagr"], ep.annual_return(returns, annualization=a_year))
same("start value", p["start_value"], equity.portfolio_value.iloc[0], 0)
same("end value", p["end_value"], equity.portfolio_value.iloc[-1], 0)
profit = Decimal(equity.portfolio_value.iloc[-1]) - Decimal(equity.portfolio_value.iloc[0])
same("profit", p["profit"], profit, 0)

# The longest time below a peak.
peak_at, peak, longest = begin, value.iloc[0], pd.Timedelta(0)
below = False
for at, now in value.items():
    if now >= peak:
        if below:
            longest = max(longest, at - peak_at)
        peak_at, peak, below = at, now, False
    else:
        below = True
        longest = max(longest, at - peak_at)
same("longest drawdown", p["longest_drawdown_seconds"], longest.total_seconds(), 1e-6)

# Months.
ends = value.groupby(value.index.to_period("M")).last()
starts = ends.shift(1).fillna(value.iloc[0])
by_month = {(m["year"], m["month"]): m["value"] for m in report["months"]}
same("months", len(by_month), len(ends))
for month, last in ends.items():
    same(f"month {month}", by_month[(month.year, month.month)], last / starts[month] - 1)

# Leverage.
leverage = equity.leverage.dropna().astype(float)
same("mean leverage", p["mean_leverage"], leverage.mean() if len(leverage) else None)
same("max leverage", p["max_leverage"], leverage.max() if len(leverage) else None)

# Round trips, exposure, turnover and fees, from the signed quantity of each position.
held, trips, spans = {}, [], []
turnover = fees = Decimal(0)
by_strategy = {}
for t in trades.itertuples():
    key = (t.strategy_id, t.symbol)
    quantity, price, fee = Decimal(t.quantity), Decimal(t.price), Decimal(t.commission)
    sign = 1 if t.side == "buy" else -1
    turnover += quantity * price
    fees += fee
    by_strategy[t.strategy_id] = by_strategy.get(t.strategy_id, Decimal(0)) - sign * quantity * price - fee
    before, trip = held.get(key, (Decimal(0), None))
    after = before + sign * quantity
    realized = Decimal(t.realized_pnl)
    closing = min(quantity, abs(before)) if before * sign < 0 else Decimal(0)
    if closing:
        trip[1] += realized - fee * closing / quantity
        if after * before <= 0:
            trips.append((trip[1], t.executed_at - trip[0]))
            spans.append((trip[0], t.executed_at))
            trip = None
    if after != 0 and quantity > closing:
        trip = trip or [t.executed_at, Decimal(0)]
        trip[1] -= fee * (quantity - closing) / quantity
    held[key] = (after, trip)
spans += [(trip[0], end) for _, trip in held.values() if trip]
covered, reach = pd.Timedelta(0), begin
for a, b in sorted(spans):
    covered += max(b, reach) - max(a, reach)
    reach = max(b, reach)
same("turnover", p["turnover"], turnover, 1e-12)
same("fees", p["fees"], fees, 1e-12)
same("exposure", p["exposure"], covered / (end - begin))
same("turnover of value", p["turnover_of_value"], float(turnover) / value.mean())

found = report["trips"]
results = [float(profit) for profit, _ in trips]
wins, losses = [r for r in results if r > 0], [r for r in results if r < 0]
mean = lambda values: sum(values) / len(values) if values else None
same("trips", found["count"], len(results))
same("wins", found["wins"], len(wins))
same("losses", found["losses"], len(losses))
same("open", found["open"], sum(1 for quantity, _ in held.values() if quantity))
same("win rate", found["win_rate"], len(wins) / len(results) if results else None)
same("profit factor", found["profit_factor"], sum(wins) / -sum(losses) if losses else None, 1e-7)
same("average win", found["average_win"], mean(wins), 1e-7)
same("average loss", found["average_loss"], mean(losses), 1e-7)
same("expectancy", found["expectancy"], mean(results), 1e-7)
same("best", found["best"], max(results) if results else None, 1e-7)
same("worst", found["worst"], min(results) if results else None, 1e-7)
held_for = mean([time.total_seconds() for _, time in trips])
same("average time held", found["average_held_seconds"], held_for, 1e-7)

# Profit by strategy: cash that came in, less cash that went, and what is left at its price. All together is the account's.
for row in read("positions", []).itertuples():
    sign = 1 if row.side == "long" else -1
    by_strategy[row.strategy_id] += sign * Decimal(row.quantity) * Decimal(row.current_price)
rows = {row["name"]: row for row in report["strategies"]}
same("strategies", len(rows), len(by_strategy))
for name, net in by_strategy.items():
    same(f"net of {name}", rows[name]["net"], net, 1e-12)
together = sum(Decimal(row["net"]) for row in report["strategies"])
same("all strategies", report["total"]["net"], together, 0)
same("strategies and account", together, profit, 1e-10)
same("instruments and account", sum(Decimal(row["net"]) for row in report["symbols"]), profit, 1e-10)

# Orders and the time that they took.
orders = read("orders", ["created_at", "submitted_at", "filled_at"])
orders = orders[(orders.created_at > begin) & (orders.created_at <= end)]
all_orders = report["execution"]["orders"][0]
sent = orders[orders.status != "denied"]
same("orders", all_orders["orders"], len(orders))
same("fill rate", all_orders["fill_rate"], (sent.filled_quantity.astype(float) > 0).mean() if len(sent) else None)
same("reject rate", all_orders["reject_rate"], (sent.status == "rejected").mean() if len(sent) else None)
steps = {"intent to submitted": ("created_at", "submitted_at"), "submitted to filled": ("submitted_at", "filled_at"),
         "intent to filled": ("created_at", "filled_at")}
for times in report["execution"]["times"]:
    a, b = steps[times["step"]]
    of = orders if times["order_type"] == "all" else orders[orders.order_type == times["order_type"]]
    ms = ((of[b] - of[a]) / pd.Timedelta(milliseconds=1)).dropna()
    same(f"count of {times['step']}", times["ms"]["count"], len(ms))
    for name, share in (("p50", 50), ("p95", 95), ("p99", 99)):
        expected = float(np.percentile(ms, share)) if len(ms) else None
        same(f"{name} of {times['step']}, {times['order_type']}", times["ms"][name], expected)

# Slippage: the last quote, else the last trade, that had been received when the order was made.
fills = trades.merge(orders[["order_id", "created_at", "order_type"]], on="order_id").sort_values("created_at")
fills["created_at"] = fills.created_at.astype("datetime64[us]")


def reference(name, price):
    market = read(name, ["ingestion_time"]).sort_values("ingestion_time", kind="stable")
    market["ingestion_time"] = market.ingestion_time.astype("datetime64[us]")
    market["reference"] = price(market)
    joined = pd.merge_asof(fills, market[["ingestion_time", "symbol", "reference"]], left_on="created_at",
                           right_on="ingestion_time", by="symbol", tolerance=pd.Timedelta(minutes=1))
    return joined.reference.values


middle = reference("quotes", lambda m: (m.bid_price.astype(float) + m.ask_price.astype(float)) / 2)
last = reference("ticks", lambda m: m.last_price.astype(float))
at = np.where(np.isnan(middle), last, middle)
price = fills.price.astype(float).values
bps = np.where(fills.side == "buy", price - at, at - price) / at * 1e4
weight = price * fills.quantity.astype(float).values
known = ~np.isnan(bps)
same_day = (fills.created_at.dt.date == fills.executed_at.dt.date).values
known &= same_day
newest = sorted(fills.created_at.dt.date.unique())[-30:]
known &= fills.created_at.dt.date.isin(newest).values
if len(fills) <= 20000:
    for slippage in report["execution"]["slippage"]:
        of = known if slippage["order_type"] == "all" else known & (fills.order_type == slippage["order_type"]).values
        name = f"slippage of {slippage['order_type']}"
        same(f"{name}, measured", slippage["measured"], int(of.sum()))
        expected = float((bps[of] * weight[of]).sum() / weight[of].sum()) if of.any() else None
        same(f"{name}, mean", slippage["mean_bps"], expected, 1e-6)
        for quantile, share in (("p50", 50), ("p95", 95), ("p99", 99)):
            expected = float(np.percentile(bps[of], share)) if of.any() else None
            same(f"{name}, {quantile}", slippage["bps"][quantile], expected, 1e-6)

print(compared)
