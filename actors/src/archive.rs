//! The archive actor: lets what is due move from tier to tier, on its schedule.
//!
//! Hears its own timer; the work is done on a thread for blocking work, one run at a time, and nobody waits for it. A run
//! that fails is logged, and what it left is taken up by the next one. Soon after a start it looks whether the last run of
//! the schedule was missed, because nothing ran then, and makes up for it.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use croner::Cron;
use messages::UtcNanos;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::archive::{Error, Report, Runner};

use crate::clock::Clock;
use crate::timer::Timer;
use crate::traffic::Seen;

/// What the actor is given.
pub struct Arguments {
    /// Does the work.
    pub runner: Runner,
    /// The cron line, in UTC; empty for never.
    pub schedule: String,
    /// The wall clock: history ages in it.
    pub wall: Clock,
}

/// Its mailbox.
pub enum Mailbox {
    /// A run is due.
    Due,
    /// A run has ended; `None` where there was nothing to make up for.
    Done(Option<Result<Report, String>>),
}

impl Seen for Mailbox {
    fn name(&self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Done(_) => "done",
        }
    }
    fn came_by_port(&self) -> bool {
        false
    }
}

/// How long after a start a run that was missed is made up for: the database is open then, and trading has begun.
const AFTER_START: Duration = Duration::from_secs(60);

/// The actor.
pub struct ArchiveActor;

/// The shell.
pub struct Shell {
    a: Arguments,
    cron: Option<Cron>,
    timer: Timer,
    /// True until it has looked for a run that was missed.
    has_just_started: bool,
}

/// When the schedule is due next.
///
/// # Errors
/// The line is no cron line, in words.
pub fn parse(schedule: &str) -> Result<Option<Cron>, String> {
    if schedule.trim().is_empty() {
        return Ok(None);
    }
    let wrong = |e| format!("`{schedule}` is no cron line ({e}); expected minute hour day month weekday, as 0 2 * * *");
    Cron::from_str(schedule).map(Some).map_err(wrong)
}

/// When the schedule was due last.
fn last(cron: &Cron, now: UtcNanos) -> Option<UtcNanos> {
    let now: DateTime<Utc> = DateTime::from_timestamp_nanos(now.0);
    let last = cron.find_previous_occurrence(&now, false).ok()?;
    last.timestamp_nanos_opt().map(UtcNanos)
}

fn next(cron: &Cron, now: UtcNanos) -> Option<UtcNanos> {
    let now: DateTime<Utc> = DateTime::from_timestamp_nanos(now.0);
    let next = cron.find_next_occurrence(&now, false).ok()?;
    next.timestamp_nanos_opt().map(UtcNanos)
}

impl Actor for ArchiveActor {
    type Msg = Mailbox;
    type State = Shell;
    type Arguments = Arguments;

    async fn pre_start(&self, me: ActorRef<Mailbox>, arguments: Arguments) -> Result<Shell, ActorProcessingErr> {
        let cron = parse(&arguments.schedule)?;
        let mut shell = Shell { a: arguments, cron, timer: Timer::default(), has_just_started: true };
        shell.wait(&me);
        Ok(shell)
    }

    async fn handle(
        &self,
        me: ActorRef<Mailbox>,
        message: Mailbox,
        shell: &mut Shell,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Mailbox::Due => {
                shell.timer.fired();
                let (runner, now, root) = (shell.a.runner.clone(), shell.a.wall.now(), me.clone());
                let missed = std::mem::take(&mut shell.has_just_started).then(|| shell.last(now));
                let work = tokio::task::spawn_blocking(move || match missed {
                    None => Some(runner.run(now, &[])),
                    Some(last) => make_up(&runner, last?, now),
                });
                tokio::spawn(async move {
                    // What panics has ended as well: without a word of it the timer would never be set again.
                    let done = match work.await {
                        Ok(done) => done.map(|done| done.map_err(|error| error.to_string())),
                        Err(panic) => Some(Err(panic.to_string())),
                    };
                    // An actor that has ended hears no more of it; the journal of the run is the manifest.
                    let _ = root.send_message(Mailbox::Done(done));
                });
            }
            Mailbox::Done(done) => {
                done.iter().for_each(say);
                shell.wait(&me);
            }
        }
        Ok(())
    }
}

impl Shell {
    fn last(&self, now: UtcNanos) -> Option<UtcNanos> {
        self.cron.as_ref().and_then(|cron| last(cron, now))
    }

    fn wait(&mut self, me: &ActorRef<Mailbox>) {
        let now = self.a.wall.now();
        let soon = now.after(AFTER_START);
        let due = self.cron.as_ref().and_then(|cron| next(cron, now));
        let due = due.map(|due| if self.has_just_started { due.min(soon) } else { due });
        self.timer.set(due, &self.a.wall, me, || Mailbox::Due);
    }
}

/// Runs if something was due when the schedule was last: then that run was missed, or not finished.
fn make_up(runner: &Runner, last: UtcNanos, now: UtcNanos) -> Option<Result<Report, Error>> {
    match runner.with(|archive| archive.due(last, &[])) {
        Ok(steps) if steps.is_empty() => None,
        Ok(_) => Some(runner.run(now, &[])),
        Err(error) => Some(Err(error)),
    }
}

fn say(done: &Result<Report, String>) {
    match done {
        Ok(report) if report.failed.is_empty() && report.unrecorded.is_none() => {
            tracing::info!(
                event = "archive_ran",
                done = report.done.len(),
                bytes = report.bytes_written,
                "the archive ran"
            );
        }
        Ok(report) => {
            let failed = report.failed.len();
            tracing::error!(
                event = "archive_failed",
                failed,
                "parts could not be moved; `merganser archive run` tries again"
            );
        }
        Err(error) => {
            tracing::error!(event = "archive_failed", %error, "the archive could not run; it tries again when it is due")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_in_utc_and_never_due_now() {
        let at = |text: &str| text.parse::<UtcNanos>().unwrap();
        let daily = parse("0 2 * * *").unwrap().unwrap();
        assert_eq!(next(&daily, at("2026-03-29 01:59:59.999")), Some(at("2026-03-29 02:00:00")));
        assert_eq!(next(&daily, at("2026-03-29 02:00:00")), Some(at("2026-03-30 02:00:00")));
        assert_eq!(last(&daily, at("2026-03-29 01:59:59")), Some(at("2026-03-28 02:00:00")));
        assert_eq!(last(&daily, at("2026-03-29 02:00:01")), Some(at("2026-03-29 02:00:00")));
        assert!(parse("").unwrap().is_none());
        assert!(parse("at night").is_err());
    }
}
