"""The dashboard of a running Merganser, as a trader uses it in a browser: logs in, looks at every page, places orders, pulls
the kill switch, sees a strategy that panics and a connection that is lost. Prints what it has found on its last line.

    dashboard.py ADDRESS DATA_DIR PID MERGANSER CHROMIUM CHROMEDRIVER FOLDER_FOR_SCREENSHOTS
"""
import csv
import io
import json
import subprocess
import sys
import threading
import time

import websocket
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import doubts
import leaving
from browser import Browser, Failed

address, data_dir, pid, merganser, chromium, driver, folder = sys.argv[1:]
base = f"http://{address}"
PAGES = ["overview", "market", "orders", "strategies", "history", "system", "logs", "sql"]
WITH_CHART = {"overview", "market", "strategies", "system", "sql"}


def sql(question):
    command = [merganser, "sql", "--data-dir", data_dir, "--format", "csv", question]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if said.returncode != 0:
        raise Failed(f"{question}: {said.stderr}")
    return list(csv.DictReader(io.StringIO(said.stdout)))


class Listener(threading.Thread):
    """Hears orders and fills by a WebSocket of its own."""

    def __init__(self, token):
        super().__init__(daemon=True)
        self.heard = []
        self.socket = websocket.create_connection(f"ws://{address}/api/v1/stream", header=[f"Authorization: Bearer {token}"])
        self.socket.send(json.dumps({"op": "subscribe", "topics": ["orders", "fills"]}))
        self.start()

    def run(self):
        while True:
            try:
                message = json.loads(self.socket.recv())
            except websocket.WebSocketException:
                return
            if message["type"] in ("snapshot", "update"):
                self.heard.extend((message["topic"], row.get("order", row)) for row in message["data"])

    def statuses(self, order_id):
        return [row["status"] for topic, row in list(self.heard) if topic == "orders" and row["order_id"] == order_id]

    def fills(self, order_id):
        return [row for topic, row in list(self.heard) if topic == "fills" and row["order_id"] == order_id]


def log_in(b, token):
    b.size("desktop")
    b.open(f"{base}/")
    b.write("input[name=token]", token)
    b.button("Log in").click()
    b.wait("the overview", lambda: "Positions" in b.text("main"))
    if token in b.script("return document.documentElement.outerHTML + document.cookie + JSON.stringify(localStorage)"):
        raise Failed("the token is kept in the page")
    b.wait("whose money it is", lambda: "SIMULATED MONEY" in b.text("#top"))


def settle(b, page):
    """Waits until every panel has content and the chart is drawn."""
    ages = "return [...document.querySelectorAll('main .age')].map((a) => a.textContent).filter((t) => t !== '').join(', ')"
    quiet = lambda: len(b.driver.find_elements(By.CSS_SELECTOR, "main .panel")) > 0 and not b.script(ages)
    try:
        b.wait(f"content in every panel of {page}", quiet)
    except Failed as failed:
        raise Failed(f"{failed}\npanels: {b.script(ages)}") from None
    # What has come is drawn within a moment.
    time.sleep(0.5)
    if page in WITH_CHART:
        b.find("main .chart .main-svg")


def look_at(b, page, size, path=None, scheme="dark"):
    """Opens a page, in a size; it may not be wider than that."""
    b.size(size, scheme)
    b.open(f"{base}/#{page}")
    if page == "sql":
        ask(b, "select timestamp, close, volume, trade_count from ohlcv_bars where symbol = 'SIMBTC' and timeframe = '1s' order by timestamp limit 200")
    settle(b, page)
    wide = b.script("return document.documentElement.scrollWidth - innerWidth")
    if wide > 0:
        raise Failed(f"{page} is {wide} px wider than {size}")
    trouble = b.script("return [...document.querySelectorAll('main .trouble')].filter((t) => !t.hidden).map((t) => t.innerText).join(', ')")
    if trouble:
        raise Failed(f"{page} says: {trouble}")
    if path:
        b.screenshot(path)


def ask(b, question):
    b.write("textarea", question)
    b.find("textarea").send_keys(Keys.CONTROL, Keys.ENTER)
    b.wait("an answer", lambda: " rows in " in b.text("main"))
    b.choose("select[aria-label=Chart]", "lines")
    b.choose("select[aria-label=Up]", "close")


# What a screen reader needs: names, captions, headings; counted on every page.
NAMELESS = """
const named = (n) => n.innerText?.trim() || n.getAttribute('aria-label') || n.title || n.labels?.[0]?.innerText;
const bad = [...document.querySelectorAll('button, a[href], input, select, textarea')].filter((n) => !named(n));
bad.push(...[...document.querySelectorAll('table')].filter((t) => !t.caption?.textContent));
bad.push(...[...document.querySelectorAll('thead th')].filter((t) => t.scope !== 'col'));
bad.push(...[...document.querySelectorAll('.chart')].filter((c) => !c.getAttribute('aria-label')));
if (document.querySelectorAll('h1').length !== 1) bad.push(document.querySelector('main'));
return bad.map((n) => n.outerHTML.slice(0, 120));
"""


def is_reachable(b, page):
    nameless = b.script(NAMELESS)
    if nameless:
        raise Failed(f"{page} has what no screen reader can name: {nameless}")


def keys(b):
    b.size("desktop")
    overview(b)
    body = b.driver.find_element(By.TAG_NAME, "body")
    body.send_keys("2")
    b.wait("the market by its key", lambda: b.driver.current_url.split("#")[1].startswith("market"))
    b.driver.switch_to.active_element.send_keys("?")
    b.wait("the list of shortcuts", lambda: "kill switch" in b.text("dialog"))
    b.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    b.wait("the end of the list", lambda: not b.driver.find_elements(By.CSS_SELECTOR, "dialog"))


def newest_close():
    return float(sql("select close from ohlcv_bars where symbol = 'SIMBTC' order by timestamp desc limit 1")[0]["close"])


def place(b, quantity, price, note):
    """Sends a limit order by the ticket; returns its id, as the tables know it."""
    b.size("desktop")
    b.open(f"{base}/#orders?instrument=simulated%3ASIMBTC")
    b.wait("instruments in the ticket", lambda: b.script("return document.querySelector('#ticket-instrument')?.value") == "simulated:SIMBTC")
    b.choose("select[name=order_type]", "limit")
    b.write("input[name=quantity]", quantity)
    b.write("input[name=price]", price)
    b.write("input[name=note]", note)
    if b.find("#send").is_enabled():
        raise Failed("the ticket sends what was not previewed")
    b.find("#preview").click()
    b.wait("a word of risk", lambda: "Risk would let it through" in b.text(".verdict"))
    b.find("#send:enabled").click()
    b.wait("word that it was sent", lambda: "order " in b.text("#notices"))
    made = sql(f"select order_id from orders where metadata.note = '{note}'")
    if len(made) != 1:
        raise Failed(f"one order was sent and DuckDB knows {len(made)}")
    return made[0]["order_id"]


def in_blotter(b, order_id, status):
    b.choose("select[aria-label=Status]", "all")
    b.write("input[aria-label=Filter]", order_id)
    found = lambda: [r.text for r in b.driver.find_elements(By.CSS_SELECTOR, "section[aria-label=Blotter] td.status")]
    b.wait(f"order {order_id} as {status} in the blotter", lambda: found() == [status], 60)


def filled_order(b, listener):
    """One that the market fills, and all who should know of it."""
    order_id = place(b, "0.01", f"{newest_close() * 1.01:.2f}", "to be filled")
    in_blotter(b, order_id, "filled")
    b.wait("the order and its fill by the WebSocket", lambda: "filled" in listener.statuses(order_id) and listener.fills(order_id))
    found = sql(f"select o.status, sum(t.quantity) as filled from orders o join trades t using (order_id) where order_id = '{order_id}' group by 1")
    if [row["status"] for row in found] != ["filled"] or float(found[0]["filled"]) != 0.01:
        raise Failed(f"DuckDB says of the order: {found}")
    held = sql("select quantity from current_positions where strategy_id = 'manual' and symbol = 'SIMBTC'")
    if [float(row["quantity"]) for row in held] != [0.01]:
        raise Failed(f"DuckDB says of the position: {held}")
    b.open(f"{base}/#overview")
    rows = lambda: [r.text for r in b.driver.find_elements(By.CSS_SELECTOR, "section[aria-label=Positions] tbody tr")]
    b.wait("the position of the order", lambda: any("manual" in row and "0.01" in row for row in rows()))


def open_order(b):
    """One that stays open, with another price."""
    newest = newest_close()
    order_id = place(b, "0.02", f"{newest * 0.97:.2f}", "to stay open")
    in_blotter(b, order_id, "accepted")
    b.button("Replace", "section[aria-label=Blotter]").click()
    field = b.wait("the price in the dialog", lambda: b.driver.find_elements(By.CSS_SELECTOR, "dialog input:enabled"))[1]
    price = f"{newest * 0.965:.2f}"
    field.clear()
    field.send_keys(price)
    b.button("Replace", "dialog").click()
    b.wait("the new price in the blotter", lambda: f"{float(price):,.2f}" in b.text("section[aria-label=Blotter]"))
    return order_id


def panic(b):
    b.open(f"{base}/#strategies?name=jumpy")
    row = lambda: next((r for r in b.driver.find_elements(By.CSS_SELECTOR, "section[aria-label=All] tbody tr") if "jumpy" in r.text), None)
    b.wait("the panic of jumpy", lambda: row() and "one quote too many" in row().text, 90)
    b.wait("its fault", lambda: "one quote too many" in b.text("section[aria-label=jumpy] pre"))
    restarts = lambda: int(row().find_elements(By.CSS_SELECTOR, "td.number")[3].text)
    return b.wait("its restart", restarts, 60)


def kill_switch(b, listener, open_id):
    b.open(f"{base}/#orders")
    settle(b, "orders")
    b.driver.find_element(By.TAG_NAME, "body").send_keys("k")
    word = b.find("dialog input[data-word=KILL]")
    if b.find("dialog button.primary").is_enabled():
        raise Failed("the kill switch asks for no word")
    word.send_keys("KILL")
    b.button("Halt and cancel all", "dialog").click()
    b.wait("HALTED in the header", lambda: "HALTED" in b.text("#top"))
    none = lambda: "no order fits the filter" in b.text("section[aria-label=Blotter]")
    b.wait("a blotter without open orders", none)
    b.wait("the cancellation by the WebSocket", lambda: "canceled" in listener.statuses(open_id))
    left = sql("select count(*) as open from orders where status not in ('denied', 'filled', 'canceled', 'rejected', 'expired')")
    if left[0]["open"] != "0":
        raise Failed(f"after the kill switch DuckDB knows {left[0]['open']} open orders")
    canceled = sql(f"select status from orders where order_id = '{open_id}'")[0]["status"]
    if canceled != "canceled":
        raise Failed(f"after the kill switch the order is {canceled}")
    b.button("Resume", "section[aria-label=Trading]").click()
    b.button("Resume trading", "dialog").click()
    b.wait("ACTIVE in the header", lambda: "ACTIVE" in b.text("#top"))


def overview(b):
    b.open(f"{base}/#overview")
    settle(b, "overview")


def tour(b):
    with open(f"{data_dir}/token") as file:
        token = file.read().strip()
    listener = Listener(token)
    log_in(b, token)
    keys(b)
    filled_order(b, listener)
    doubts.lost_answer(b, base, sql, f"{newest_close() * 0.97:.2f}")
    open_id = open_order(b)
    restarts = panic(b)
    for size in ("desktop", "phone", "narrow"):
        for page in PAGES:
            look_at(b, page, size, None if size == "narrow" else f"{folder}/{page}-{size}.webp")
            is_reachable(b, page)
    for page in ("overview", "market"):
        look_at(b, page, "desktop", f"{folder}/{page}-desktop-light.webp", "light")
    b.size("desktop")
    leaving.acts(b, base)
    kill_switch(b, listener, open_id)
    doubts.lost_connection(b, pid, lambda: overview(b), f"{folder}/lost-desktop.webp")
    b.listen()
    if b.errors:
        raise Failed("the console says:\n  " + "\n  ".join(b.errors))
    print(f"{len(PAGES)} pages in 3 widths without a word on the console; a manual order in blotter, positions, DuckDB and "
          f"WebSocket; one whose answer was lost, sent once; the kill switch cancels what is open; jumpy restarted {restarts} times; a lost connection said and mended; what each step out of PostgreSQL sends")


def main():
    b = Browser(chromium, driver)
    try:
        tour(b)
    except (Failed, WebDriverException) as failed:
        b.screenshot(f"{folder}/failed.webp")
        print(f"FAILED: {failed}")
        for error in b.errors:
            print(f"  console: {error}")
        return 1
    finally:
        b.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
