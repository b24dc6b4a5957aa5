//! What each error code of the stream asks of us. Source: docs.alpaca.markets, streaming market data, errors.

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing: it says what we know.
    Ignore,
    /// What was asked last is wrong: ask for less at a time until the wrong symbol is known, and leave that out.
    Split,
    /// What was asked last can never be had: leave it out.
    Refuse,
    /// Connect again after the usual back-off.
    Reconnect,
    /// Give up until the configuration changes.
    Fail,
    /// Somebody holds our slot: wait long, then connect again.
    WaitForSlot,
    /// Too many symbols: ask for fewer.
    Shrink,
    /// We are too slow and will be dropped: tell it.
    Slow,
    /// We do not know it: tell it and go on.
    Tell,
}

/// The action of a code.
#[must_use]
pub const fn action(code: u32) -> Action {
    match code {
        400 => Action::Split,
        // The keys stand in the handshake, so a new connection is the way to prove ourselves again.
        401 | 404 | 500 => Action::Reconnect,
        // 408 was the 409 of old: the plan does not have this feed.
        402 | 408 | 409 | 411 => Action::Fail,
        403 => Action::Ignore,
        405 => Action::Shrink,
        406 => Action::WaitForSlot,
        407 => Action::Slow,
        // Another feed's actions, which we do not ask for.
        410 | 412 | 413 => Action::Refuse,
        _ => Action::Tell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_action() {
        for (code, expected) in [
            (400, Action::Split),
            (401, Action::Reconnect),
            (402, Action::Fail),
            (403, Action::Ignore),
            (404, Action::Reconnect),
            (405, Action::Shrink),
            (406, Action::WaitForSlot),
            (407, Action::Slow),
            (408, Action::Fail),
            (409, Action::Fail),
            (410, Action::Refuse),
            (411, Action::Fail),
            (412, Action::Refuse),
            (413, Action::Refuse),
            (500, Action::Reconnect),
            (0, Action::Tell),
            (499, Action::Tell),
        ] {
            assert_eq!(action(code), expected, "{code}");
        }
    }
}
