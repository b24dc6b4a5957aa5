#!/usr/bin/env bash
# F2: every recorded message of the venues' trading protocols is read by what reads it live, and Binance's documented signing
# examples come out: ours sign them as documented, and the local venue verifies them.
. "$(dirname "$0")/common.sh"
need_recording
cd "$root"
cargo test --workspace --release --locked --test it -- --nocapture trading_messages > "$work/messages" 2>&1 \
    || fail "$(tail -60 "$work/messages")"
grep -o "trading messages: .*" "$work/messages" | sed 's/^trading messages:/  /'
count() { grep -oE "trading messages: $1: [0-9]+ of [0-9]+" "$work/messages" | grep -oE "[0-9]+ of [0-9]+"; }
[ -n "$(count Binance)" ] && [ -n "$(count Alpaca)" ] || fail "nothing was read: $(tail -20 "$work/messages")"
# Three by REST and the WebSocket API, one of RFC 8032, one of its own making, and what is encoded first; the venue's own check.
cargo test --workspace --release --locked --lib -- venues::binance::parameters venues::binance::key \
    the_documents_signing_examples_verify > "$work/signing" 2>&1 || fail "$(tail -60 "$work/signing")"
for name in a_query_is_signed_as_documented a_payload_of_query_and_body_is_signed_as_documented a_message_is_signed_as_documented \
    an_ed25519_key_signs_as_the_standard_says the_documents_signing_examples_verify; do
    grep -q "$name ... ok" "$work/signing" || fail "$name was not run"
done
signed=$(grep -cE "(parameters|key)::.* \.\.\. ok" "$work/signing")
echo "F2 ok: of Binance's trading $(count Binance) recorded messages read, of Alpaca's $(count Alpaca); $signed tests of signatures, the documented examples among them"
