"""The acts of the way out of PostgreSQL on the History page: what each button sends, and that the server knows what to do with it."""
from browser import Failed

# As if the way had been gone up to there: the steps are offered only where a server is named. What is sent is kept, with the
# server's answer.
PRETEND = """
window.sent = [];
const send = window.fetch;
const pretend = %s;
window.fetch = async (path, how) => {
  const answer = await send(path, how);
  if (!path.includes('/migration')) return answer;
  if (how.method === 'GET') return new Response(JSON.stringify({ ...(await answer.json()), ...pretend }));
  window.sent.push({ path, body: JSON.parse(how.body), status: answer.status });
  return answer;
};
"""
ZEROS = "{ count: 0, errors: 0, p50_ms: null, p99_ms: null }"
BACKFILL = "{ at: '2026-01-01 00:00:00', slices: 1, rows: 9, refused: 2 }"
WHY = "said on the dashboard"
PANEL = "section[aria-label='Leaving PostgreSQL']"


def acts(b, base):
    """Presses every button, and looks at what was sent."""
    b.size("desktop")
    sent(b, base, "gradual_reads", [
        ("Begin", {}, "Begin", "init", {}),
        ("Backfill", {}, "Backfill", "backfill", {}),
        ("Compare", {}, "Compare", "compare", {"repair": False}),
        ("Compare", {"select": "repair"}, "Compare", "compare", {"repair": True}),
        ("Reads …", {}, "Move reads", "reads", {"percent": 50}),
        ("Reads …", {"select": "0"}, "Move reads", "reads", {"percent": 0}),
        ("Promote …", {}, "Promote", "promote", {"freeze": False}),
        ("Promote …", {"select": "freeze"}, "Promote", "promote", {"freeze": True}),
        ("Decommission …", {"word": "decommission"}, "Decommission", "decommission", {}),
        ("Roll back", {}, "Roll back", "rollback", {}),
        ("Stop work", {}, "Stop", "stop", {}),
    ])
    # Whoever goes on from there has seen how many rows stay behind.
    sent(b, base, "backfill", [("Compare", {"word": "2"}, "Compare", "compare", {"accept_rejects": 2})])
    # What the browser says of a server that refuses is no error of the page: there is no PostgreSQL here.
    b.listen()
    b.errors[:] = [said for said in b.errors if "/api/v1/migration/" not in said]


def sent(b, base, phase, presses):
    pretended = f"{{ phase: '{phase}', percent: 10, reads: {{ duckdb: {ZEROS}, postgres: {ZEROS}, shadowed: 0, mismatches: 0 }}, backfill: {BACKFILL} }}"
    added = b.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": PRETEND % pretended})
    b.open(f"{base}/#history")
    b.wait(f"the phase {phase}", lambda: phase.replace("_", " ") in b.text(f"{PANEL} dl"))
    for n, (label, said, ok, path, body) in enumerate(presses, 1):
        b.button(label, PANEL).click()
        b.find("dialog")
        if "word" in said:
            if b.find("dialog button.primary").is_enabled():
                raise Failed(f"{label} asks for no word")
            b.write("dialog input[data-word]", said["word"])
        if "select" in said:
            b.choose("dialog select", said["select"])
        b.button(ok, "dialog").click()
        b.wait(f"what {label} sends", lambda: b.script("return window.sent.length") == n)
        found = b.script("return window.sent.at(-1)")
        if (found["path"], found["body"]) != (f"/api/v1/migration/{path}", {"why": WHY, **body}):
            raise Failed(f"{label} sends {found}")
        # It has begun, or is refused for what it asks, and not for how.
        if found["status"] not in (200, 409):
            raise Failed(f"{label} is answered with {found['status']}")
    b.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
