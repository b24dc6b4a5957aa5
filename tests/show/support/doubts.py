"""What the dashboard does where something is not known: an answer that is lost on its way, a runtime that stands still."""
import os
import signal

from selenium.webdriver.common.by import By

from browser import Failed

# The next order reaches the server and its answer does not reach the page.
LOSE = """
const send = window.fetch;
window.fetch = async (path, how) => {
  const answer = await send(path, how);
  if (how?.method !== 'POST' || !path.endsWith('/orders')) return answer;
  window.fetch = send;
  throw new TypeError('lost');
};
"""
COUNT_SOCKETS = """
window.sockets = [];
const Socket = WebSocket;
window.WebSocket = class extends Socket { constructor(...how) { super(...how); window.sockets.push(this); } };
"""
OPEN = 1


def lost_answer(b, base, sql, price):
    """Previewed and sent again, with nothing changed, an order whose answer was lost is one order."""
    b.size("desktop")
    b.open(f"{base}/#orders?instrument=simulated%3ASIMBTC")
    b.wait("instruments in the ticket", lambda: b.script("return document.querySelector('#ticket-instrument')?.value") == "simulated:SIMBTC")
    b.choose("select[name=order_type]", "limit")
    b.choose("select[name=time_in_force]", "ioc")
    b.write("input[name=quantity]", "0.01")
    b.write("input[name=price]", price)
    b.write("input[name=note]", "answered once")
    preview(b)
    b.write("input[name=quantity]", "0.011")
    figures = b.script("return [...document.querySelectorAll('.preview dd')].map((n) => n.textContent)")
    if set(figures) != {"unknown"} or b.find("#send").is_enabled():
        raise Failed(f"the ticket shows the preview of another order: {figures}")
    preview(b)
    b.script(LOSE)
    b.find("#send:enabled").click()
    b.wait("word that the answer was lost", lambda: "it is not known whether this arrived" in b.text("#notices"))
    b.find("#preview").click()
    b.wait("word that it is the same order", lambda: "not a second one" in b.text(".preview"))
    b.find("#send:enabled").click()
    b.wait("word that it was there", lambda: "was there already" in b.text("#notices"))
    made = sql("select count(*) as orders from orders where metadata.note = 'answered once'")[0]["orders"]
    if made != "1":
        raise Failed(f"one order was sent, its answer lost, and DuckDB knows {made}")


def preview(b):
    b.find("#preview").click()
    b.wait("a word of risk", lambda: "Risk would let it through" in b.text(".verdict"))


def lost_connection(b, pid, open_overview, picture):
    """The runtime stands still for a while: the page says so and comes back by itself, with one socket."""
    counting = b.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": COUNT_SOCKETS})
    open_overview()
    b.listen()
    known = len(b.errors)
    os.kill(int(pid), signal.SIGSTOP)
    try:
        b.wait("word that the connection is lost", lambda: "connection to Merganser is lost" in b.text("#banner"), 30)
        b.wait("stale panels", lambda: "stale" in b.text("main"))
        b.wait("the age of the equity in the header", lambda: " ago" in b.text("#top"))
        b.screenshot(picture)
        for _ in range(3):
            b.script("document.querySelector('#banner button')?.click()")
    finally:
        os.kill(int(pid), signal.SIGCONT)
    b.wait("the connection again", lambda: "lost" not in b.text("#banner") and "live" in b.text("#top"), 60)
    b.wait("panels that are of now", lambda: not b.driver.find_elements(By.CSS_SELECTOR, "main .panel.stale"))
    states = b.script("return window.sockets.map((socket) => socket.readyState)")
    if states.count(OPEN) != 1:
        raise Failed(f"one socket should be open, and their states are {states}")
    b.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", counting)
    # What the browser says of a server that does not answer is no error of the page.
    b.listen()
    del b.errors[known:]
