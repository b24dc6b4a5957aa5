//! How long new orders wait: for the books since the venue was reached, and, once that has taken too long, for a person.
//!
//! A venue that is reached again and again does not begin the time anew, nor does one that answers a part: whatever is missing,
//! what reduces passes when the time is over.

use super::*;

impl Orders {
    /// The venue is reached: new orders wait until its books were looked at, or go on waiting for a person. False where it keeps
    /// none.
    pub(in crate::orders::state) fn reconcile_on_connection(&mut self, at: Moment, out: &mut Vec<Effect>) -> bool {
        if self.books_at().is_none() {
            return false;
        }
        let Reconciling { run, next_at, waits, late_at, .. } = &mut self.reconciling;
        let is_first = run.is_none() && next_at.is_none();
        if *waits.get_or_insert(Waits::Books) == Waits::Books {
            late_at.get_or_insert(at.now.after(ANSWERED_WITHIN));
        }
        self.begin_run(if is_first { Cause::Start } else { Cause::Reconnect }, at, out);
        true
    }

    /// Something of a run, or the next one, may be due.
    pub(in crate::orders::state) fn reconcile_if_due(&mut self, at: Moment, out: &mut Vec<Effect>) {
        if self.reconciling.next_due().is_none_or(|due| due > at.now) {
            return;
        }
        let Reconciling { run, late_at, .. } = &mut self.reconciling;
        let Some(run) = run else { return self.begin_run(Cause::Schedule, at, out) };
        let is_late = late_at.take_if(|late| *late <= at.now).is_some();
        let (is_due, is_silent) = (run.due() <= at.now, run.waits == Waiting::Account);
        if (is_late || is_due && is_silent) && !std::mem::replace(&mut run.told, true) {
            let missing = run.waits.missing();
            self.tell_late(&missing, out);
            self.wait_for_a_person();
            if is_silent {
                self.ask_about_all(at, out);
            }
        }
        if is_due {
            self.ask_for_account(at, out);
        }
    }

    fn tell_late(&mut self, missing: &str, out: &mut Vec<Effect>) {
        let within = crate::durations::format(ANSWERED_WITHIN);
        let waits = if self.reconciling.waits.is_some() {
            "; only what reduces is traded until it does, or until `merganser reconcile --accept --why …`"
        } else {
            ""
        };
        self.alarm(format!("the venue has not said within {within} {missing}; it is asked again{waits}"), out);
    }

    /// The venue may never say all: what closes a position does not wait for that, and a person may go on without it.
    fn wait_for_a_person(&mut self) {
        if self.reconciling.waits == Some(Waits::Books) {
            (self.reconciling.waits, self.reconciling.left) = (Some(Waits::Accept), Some(Left::default()));
        }
    }
}
