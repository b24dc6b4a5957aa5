//! The first step of the way: the server is looked at, and takes the first rows.

use std::time::Duration;

use messages::ledger::Seq;
use messages::migration::Migration;

use super::{Done, Error, Progress, Way};
use crate::migrate::phase::Ask;
use crate::migrate::sink::{self, State};
use crate::migrate::{mapping, server};
use crate::postgres::{Server, Session, catalog};

/// How long a server has to take the first rows when dual write begins.
const FIRST_WITHIN: Duration = Duration::from_secs(60);

/// How often it looks whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Way {
    /// Looks whether the server can be left.
    fn look_at(&self, server: &Server) -> Result<(), Error> {
        let session = Session::open(server)?;
        let wall = &self.parts.wall;
        let asked = wall();
        let catalog = catalog::read(&session)?;
        let findings = server::findings(&catalog.facts, asked, wall());
        if !findings.is_empty() {
            return Err(Error::Unfit { server: server.name(), findings: findings.join("; ") });
        }
        // From here on answers hold rows of theirs: without a mapping every one of them would be refused.
        let plans = mapping::plans(&self.mapping_file(), &catalog, &self.settings().schema)?;
        let unreadable = mapping::unreadable(&session, &plans)?;
        if unreadable.is_empty() {
            return Ok(());
        }
        let findings: Vec<String> = unreadable.iter().map(ToString::to_string).collect();
        Err(Error::Unfit { server: server.name(), findings: findings.join("; ") })
    }

    /// Looks whether the server can be left, and lets the first rows go there: what it does not take is said now.
    pub(super) fn init(
        &self,
        state: &Migration,
        on: &dyn Fn(Progress),
        go_on: &dyn Fn() -> bool,
    ) -> Result<Done, Error> {
        on(Progress::of("looks at the server"));
        self.ask(go_on, |server| self.look_at(server))?;
        let wall = &self.parts.wall;
        on(Progress::of("makes the tables"));
        // Where it was broken off it goes on where it began: what came meanwhile is in the journals, or in DuckDB.
        let watermark = state.watermark.unwrap_or_else(|| self.watermark(wall()));
        let handle = self.begin(watermark.market)?;
        let deadline = wall().after(FIRST_WITHIN);
        loop {
            let status = handle.status();
            match status.state {
                // Whoever goes on must know how far it is behind, and that is known once it had everything.
                State::Following | State::Held if status.was_level || wall() > deadline => break,
                State::Failed { error, .. } => {
                    self.parts.sink.release(sink::TO_FINISH);
                    return Err(Error::NotTaken { why: error });
                }
                _ if !go_on() || wall() > deadline => {
                    self.parts.sink.release(sink::TO_FINISH);
                    return Err(Error::Stopped);
                }
                _ => std::thread::park_timeout(LOOK_EVERY),
            }
        }
        let mut text = format!("rows go to both sides from {} on", watermark.at);
        if watermark.market > Seq(0) {
            text += &format!(
                "; the {} market records from before stay with DuckDB, which adds them to answers that PostgreSQL gives",
                watermark.market
            );
        }
        Ok(Done { ask: Some(Ask::Init(watermark)), text, is_good: true, report: None, noted: None, then: None })
    }
}
