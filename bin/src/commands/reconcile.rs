//! `merganser reconcile`: our books held against the venue's, what that found, and what it left taken as it is.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::Common;
use super::steer::running;
use crate::client::Running;
use crate::http::reconcile::{Accept, Reconciled};
use crate::http::trading::Done;
use crate::output;

/// How long a reconciliation is waited for: it goes on without us.
const WAITS: u32 = 240;
/// How often is looked.
const LOOKS_EVERY: Duration = Duration::from_millis(250);

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  merganser reconcile\n  merganser reconcile --show\n  merganser reconcile --accept --why \"sold by hand on the phone\""
)]
pub struct Reconcile {
    /// Takes what still differs as it is, and lets new orders pass.
    #[arg(long, requires = "why", conflicts_with = "show")]
    accept: bool,
    /// Why it is accepted; it is written to the ledger.
    #[arg(long)]
    why: Option<String>,
    /// Shows what the last one found, without beginning another.
    #[arg(long)]
    show: bool,
}

/// Exit code 1 where something still differs.
pub fn run(arguments: &Reconcile, common: &Common) -> anyhow::Result<ExitCode> {
    let running = running(common)?;
    if let (true, Some(why)) = (arguments.accept, &arguments.why) {
        let Done { done } = running.say("/api/v1/reconcile/accept", &Accept { why: why.clone() })?;
        output::line(format_args!("{done}"));
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.show {
        return Ok(show(&look(&running)?));
    }
    let before = look(&running)?.last.map(|last| last.ended_at);
    let Done { done } = running.say("/api/v1/reconcile", &())?;
    output::line(format_args!("{done}"));
    let mut now = look(&running)?;
    for _ in 0..WAITS {
        let is_new = now.last.as_ref().map(|last| &last.ended_at) != before.as_ref();
        if !now.possible || is_new && now.running.is_none() {
            break;
        }
        sleep(LOOKS_EVERY);
        now = look(&running)?;
    }
    Ok(show(&now))
}

#[expect(clippy::disallowed_methods, reason = "a command of the line waits for an answer")]
fn sleep(time: Duration) {
    std::thread::sleep(time);
}

fn look(running: &Running) -> anyhow::Result<Reconciled> {
    running.read("/api/v1/reconcile")
}

fn show(now: &Reconciled) -> ExitCode {
    if !now.possible {
        output::line(format_args!("the venue keeps no books beside ours: there is nothing to reconcile"));
        return ExitCode::SUCCESS;
    }
    if let (Some(cause), Some(since)) = (&now.running, &now.running_since) {
        output::line(format_args!("a reconciliation ({cause}) is under way since {since}"));
    }
    match &now.last {
        Some(last) => output::line(format_args!("{}  {}", last.ended_at, last.words)),
        None => output::line(format_args!("none has ended yet")),
    }
    match now.waits_for.as_deref() {
        Some("accept") => output::line(format_args!(
            "only what reduces is traded; `merganser reconcile --accept --why …` takes it as it is"
        )),
        Some(_) => output::line(format_args!("new orders wait until the venue has said what the account holds")),
        None => {}
    }
    let settled = now.last.as_ref().is_some_and(|last| last.outcome != "unsettled") && now.waits_for.is_none();
    if settled { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
