#!/usr/bin/env bash
# A4, in part: the runtime on its paper venue, killed with SIGKILL at random moments and started again each time. The
# testkit's own venue in another process, whose log is the witness, is not there yet.
. "$(dirname "$0")/common.sh"
d="$work/run"
kills=${MERGANSER_KILLS:-${MERGANSER_CI:+30}}
kills=${kills:-100}
slowest=0
RANDOM=4
for (( n = 1; n <= kills; n++ )); do
    began=$(date +%s%N)
    "$merganser" run --data-dir "$d" > "$work/out" 2>&1 &
    pid=$!
    # Trading again: a market batch of this start is durable and orders answer.
    until grep -q "merganser runs on" "$work/out"; do
        kill -0 "$pid" 2> /dev/null || fail "start $n ended by itself: $(cat "$work/out")"
        sleep 0.01
    done
    took=$(( ($(date +%s%N) - began) / 1000000 ))
    [ "$took" -gt "$slowest" ] && slowest=$took
    sleep "$(( RANDOM % 2 )).$(( RANDOM % 900 + 100 ))"
    kill -9 "$pid"
    wait "$pid" 2> /dev/null || true
done
"$merganser" doctor --data-dir "$d" > "$work/doctor" || { cat "$work/doctor"; fail "doctor found something after $kills kills"; }
starts=$(sql "$d" "select count(*) from actions where what = 'started'")
expect "starts in the ledger" "$starts" "$kills"
expect "client order ids used twice" "$(sql "$d" "select count(*) from (select client_order_id from order_ids group by 1 having count(*) > 1)")" "0"
expect "fills booked twice" "$(sql "$d" "select count(*) from (select execution_id from trades group by 1 having count(*) > 1)")" "0"
expect "fills that were not booked" "$(sql "$d" "select count(*) from order_events e anti join trades t on t.execution_id = e.execution_id where e.execution_id is not null")" "0"
gaps=$(sql "$d" "select count(*) from feed_gaps where cause = 'crash'")
[ "$gaps" -gt 0 ] || fail "no gap was recorded"
[ "$slowest" -lt 2000 ] || fail "the slowest start took $slowest ms"
echo "A4 (paper venue): $kills kills, $(sql "$d" "select count(*) from orders") orders, $(sql "$d" "select count(*) from trades") fills, each once; slowest start $slowest ms"
