//! The snapshots actor: asks for a portfolio snapshot at start, on schedule and at the end of a day: of the UTC day, or
//! of a venue's session (`calendar.account_day`).

use std::time::Duration;

use messages::UtcNanos;
use messages::instrument::{Calendar, Sessions};
use messages::snapshots::SnapshotType;
use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::clock::Clock;
use crate::ports::{Port, ToPositions};
use crate::timer::Timer;
use crate::traffic::Seen;

/// What the actor is given.
pub struct Arguments {
    /// How often.
    pub every: Duration,
    /// With whose sessions the day ends, and when these do.
    pub day: (Sessions, Calendar),
    /// Whom to ask.
    pub positions: Port<ToPositions>,
    /// The time.
    pub clock: Clock,
}

/// The schedule is due.
pub struct Due;

impl Seen for Due {
    fn name(&self) -> &'static str {
        "due"
    }
    fn came_by_port(&self) -> bool {
        false
    }
}

/// The actor.
pub struct SnapshotsActor;

/// Its state: the next instant.
pub struct Schedule {
    a: Arguments,
    next: UtcNanos,
    timer: Timer,
}

impl Actor for SnapshotsActor {
    type Msg = Due;
    type State = Schedule;
    type Arguments = Arguments;

    async fn pre_start(&self, me: ActorRef<Due>, arguments: Arguments) -> Result<Schedule, ActorProcessingErr> {
        arguments.positions.cast(ToPositions::Snapshot(SnapshotType::Startup, None));
        let next = arguments.clock.now().floor_to(arguments.every).after(arguments.every);
        let mut schedule = Schedule { a: arguments, next, timer: Timer::default() };
        schedule.timer.set(Some(next), &schedule.a.clock, &me, || Due);
        Ok(schedule)
    }

    async fn handle(&self, me: ActorRef<Due>, _: Due, schedule: &mut Schedule) -> Result<(), ActorProcessingErr> {
        schedule.timer.fired();
        let (due, every) = (schedule.next, schedule.a.every);
        let (sessions, calendar) = &schedule.a.day;
        let kind = if calendar.day_ends(*sessions, due.before(every)) <= due {
            SnapshotType::Eod
        } else {
            SnapshotType::Intraday
        };
        schedule.a.positions.cast(ToPositions::Snapshot(kind, None));
        // A clock that jumped does not ask for every instant in between.
        schedule.next = due.max(schedule.a.clock.now()).floor_to(every).after(every);
        schedule.timer.set(Some(schedule.next), &schedule.a.clock, &me, || Due);
        Ok(())
    }
}
