//! The life of an order as one table: what every event does in every state.
//!
//! Reports may come late, twice, or out of order, so every pair is decided. What a venue reports as
//! traded is a fact and always counts; what we ask for is refused where it makes no sense.

use messages::orders::{EventKind, Status};

/// What an event does to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It moves there.
    To(Status),
    /// It goes back to work: partially filled, triggered or accepted, whichever is true.
    Working,
    /// It happened and is recorded; the state stays.
    Stay,
    /// It is repeated or too late and changes nothing.
    Ignore,
    /// A request that makes no sense here; answered with a code.
    Refuse,
    /// It should not have happened: recorded where it is a fact, and told loudly.
    Alarm,
}

/// The table.
#[must_use]
pub fn decide(status: Status, event: EventKind) -> Outcome {
    use EventKind as E;
    use Outcome::{Alarm, Ignore, Refuse, Stay, To, Working};
    use Status as S;
    match (status, event) {
        // Ours alone: the verdict falls in the instant in which the order is made.
        (S::Initialized, E::Denied) => To(S::Denied),
        (S::Initialized | S::Held, E::Intended) => To(S::PendingSubmit),
        (S::Initialized, E::Held) => To(S::Held),
        (S::Initialized, _) => Alarm,

        // Held here for another order: its venue knows nothing of it, so nothing is asked of the venue.
        (S::Held, E::Canceled) => To(S::Canceled),
        (S::Held, E::Triggered | E::Replaced | E::ReplaceRejected) => Stay,
        (S::Held, E::CancelRequested | E::ReplaceRequested) => Refuse,
        (S::Held, _) => Alarm,
        // It never was at its venue, and what it was to close is still there.
        (S::PendingSubmit | S::Submitted, E::Held) => To(S::Held),
        (_, E::Denied | E::Intended | E::Held) => Alarm,

        // A denied order never left us.
        (S::Denied, E::CancelRequested | E::ReplaceRequested) => Refuse,
        (S::Denied, _) => Alarm,

        // What the venue undid was its fact, and so is this. What has ended does not begin again by it.
        (S::Accepted | S::Triggered | S::PartiallyFilled, E::Busted) => Working,
        (_, E::Busted) => Stay,

        // On its way: every answer may overtake the one before it.
        (S::PendingSubmit, E::Submitted) => To(S::Submitted),
        (S::Submitted, E::Submitted) => Ignore,
        (S::PendingSubmit | S::Submitted, E::Accepted) => To(S::Accepted),
        (S::PendingSubmit | S::Submitted, E::Triggered) => To(S::Triggered),
        (S::PendingSubmit | S::Submitted, E::CancelRequested) => To(S::PendingCancel),
        (S::PendingSubmit | S::Submitted, E::ReplaceRequested) => Refuse,
        (S::PendingSubmit | S::Submitted, E::Rejected | E::NotReceived) => To(S::Rejected),
        (S::PendingSubmit | S::Submitted, E::CancelRejected | E::ReplaceRejected) => Ignore,
        (S::PendingSubmit | S::Submitted, E::Replaced) => To(S::Accepted),

        // Working.
        (S::Accepted | S::Triggered | S::PartiallyFilled, E::Submitted | E::Accepted) => Ignore,
        (S::Accepted, E::Triggered) => To(S::Triggered),
        (S::Triggered | S::PartiallyFilled, E::Triggered) => Ignore,
        (S::Accepted | S::Triggered | S::PartiallyFilled, E::CancelRequested) => To(S::PendingCancel),
        (S::Accepted | S::Triggered | S::PartiallyFilled, E::ReplaceRequested) => To(S::PendingReplace),
        // The venue may change an order without being asked, or answer after the restart that forgot the question.
        (S::Accepted | S::Triggered | S::PartiallyFilled, E::Replaced) => Working,
        (S::Accepted | S::Triggered | S::PartiallyFilled, E::CancelRejected | E::ReplaceRejected) => Ignore,
        (S::Accepted | S::Triggered, E::Rejected) => To(S::Rejected),
        (S::PartiallyFilled, E::Rejected) => Alarm,
        (S::Accepted | S::Triggered | S::PartiallyFilled, E::NotReceived) => Ignore,

        // A cancel is on its way.
        (S::PendingCancel, E::Submitted) => Ignore,
        (S::PendingCancel, E::Accepted | E::Triggered | E::Replaced | E::ReplaceRejected) => Stay,
        // Asked again: after a restart nobody knows whether the first one left.
        (S::PendingCancel, E::CancelRequested) => Stay,
        (S::PendingCancel, E::ReplaceRequested) => Refuse,
        (S::PendingCancel, E::CancelRejected) => Working,
        (S::PendingCancel, E::Rejected | E::NotReceived) => To(S::Rejected),

        // A replacement is on its way.
        (S::PendingReplace, E::Submitted) => Ignore,
        (S::PendingReplace, E::Accepted | E::Triggered) => Stay,
        (S::PendingReplace, E::CancelRequested) => To(S::PendingCancel),
        (S::PendingReplace, E::ReplaceRequested) => Refuse,
        (S::PendingReplace, E::Replaced | E::ReplaceRejected) => Working,
        (S::PendingReplace, E::CancelRejected | E::NotReceived) => Ignore,
        (S::PendingReplace, E::Rejected) => To(S::Rejected),

        // Fills are facts. An order that ended keeps its end unless the fill completes it.
        (S::PendingSubmit | S::Submitted | S::Accepted | S::Triggered | S::PartiallyFilled, E::PartiallyFilled) => {
            To(S::PartiallyFilled)
        }
        (S::PendingCancel | S::PendingReplace, E::PartiallyFilled) => Stay,
        (S::Canceled | S::Expired, E::PartiallyFilled) => Stay,
        (S::Canceled | S::Expired, E::Filled) => To(S::Filled),
        (S::Rejected, E::PartiallyFilled | E::Filled) => Alarm,
        (S::Filled, E::PartiallyFilled | E::Filled) => Alarm,
        (
            S::PendingSubmit
            | S::Submitted
            | S::Accepted
            | S::Triggered
            | S::PartiallyFilled
            | S::PendingCancel
            | S::PendingReplace,
            E::Filled,
        ) => To(S::Filled),

        // The ends.
        (
            S::PendingSubmit
            | S::Submitted
            | S::Accepted
            | S::Triggered
            | S::PartiallyFilled
            | S::PendingCancel
            | S::PendingReplace,
            E::Canceled,
        ) => To(S::Canceled),
        (
            S::PendingSubmit
            | S::Submitted
            | S::Accepted
            | S::Triggered
            | S::PartiallyFilled
            | S::PendingCancel
            | S::PendingReplace,
            E::Expired,
        ) => To(S::Expired),
        (S::Filled | S::Canceled | S::Rejected | S::Expired, E::CancelRequested | E::ReplaceRequested) => Refuse,
        (S::Filled | S::Canceled | S::Rejected | S::Expired, _) => Ignore,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table as people read it: a row per state, a letter per event in the order of `EventKind::ALL`.
    /// t = moves, w = back to work, s = stays, . = ignored, r = refused, ! = alarm.
    #[test]
    fn every_pair_is_decided_as_written_here() {
        //                          denied intended submitted accepted triggered partial filled cancel_req canceled cancel_rej replace_req replaced replace_rej rejected expired not_received busted held
        let rows = [
            (Status::Initialized, "tt!!!!!!!!!!!!!!!t"),
            (Status::Denied, "!!!!!!!r!!r!!!!!!!"),
            (Status::PendingSubmit, "!!ttttttt.rt.tttst"),
            (Status::Submitted, "!!.tttttt.rt.tttst"),
            (Status::Accepted, "!!..ttttt.tw.tt.w!"),
            (Status::Triggered, "!!...tttt.tw.tt.w!"),
            (Status::PartiallyFilled, "!!...tttt.tw.!t.w!"),
            (Status::Filled, "!!...!!r..r.....s!"),
            (Status::PendingCancel, "!!.sssts"),
            (Status::Canceled, "!!...str..r.....s!"),
            (Status::PendingReplace, "!!.ssstt"),
            (Status::Rejected, "!!...!!r..r.....s!"),
            (Status::Expired, "!!...str..r.....s!"),
            (Status::Held, "!t!!s!!rt!rss!!!!!"),
        ];
        let tails = [(Status::PendingCancel, "twrssttts!"), (Status::PendingReplace, "t.rwwtt.s!")];
        assert_eq!(rows.len(), Status::ALL.len());
        for (status, row) in rows {
            let tail = tails.iter().find(|(s, _)| *s == status).map_or("", |(_, t)| *t);
            let expected = format!("{row}{tail}");
            let actual: String = EventKind::ALL.iter().map(|event| letter(decide(status, *event))).collect();
            assert_eq!(actual, expected, "{status}");
        }
    }

    fn letter(outcome: Outcome) -> char {
        match outcome {
            Outcome::To(_) => 't',
            Outcome::Working => 'w',
            Outcome::Stay => 's',
            Outcome::Ignore => '.',
            Outcome::Refuse => 'r',
            Outcome::Alarm => '!',
        }
    }

    #[test]
    fn no_event_but_a_fill_leaves_an_end() {
        for status in Status::ALL.iter().filter(|s| s.is_terminal()) {
            for event in EventKind::ALL {
                if let Outcome::To(next) = decide(*status, *event) {
                    assert_eq!((*event, next), (EventKind::Filled, Status::Filled), "{status} {event}");
                }
            }
        }
    }
}
