//! The last step of the way: both sides compared once more, all of the server exported, and only then left. What was exported
//! is dropped when the ledger holds that it was left.

use messages::caps;
use messages::migration::{Migration, Phase};

use super::{Done, Error, Progress, Way, Work};
use crate::migrate::compare::Wanted;
use crate::migrate::leave::{self, Drop, Leave, Report};
use crate::migrate::mapping;
use crate::migrate::phase::Ask;
use crate::migrate::sink;
use crate::postgres::Server;
use crate::postgres::catalog::TableName;

impl Way {
    /// Leaves the server, or drops what was exported of one that was left.
    pub(super) fn leave(
        &self,
        state: &Migration,
        drop: Option<&str>,
        on: &dyn Fn(Progress),
        go_on: &dyn Fn() -> bool,
    ) -> Result<Done, Error> {
        if state.phase == Phase::Decommissioned {
            let what = drop.map_or(Drop::No, Drop::Yes);
            return Ok(done(&self.export(what, on, go_on)?, None, None));
        }
        let server = Server::new(self.settings())?;
        if let Some(typed) = drop.filter(|typed| *typed != server.database()) {
            let (typed, database) = (typed.to_owned(), server.database().to_owned());
            return Err(leave::Error::OtherName { typed, database }.into());
        }
        let report = self.compared(state, &Wanted::all(), on, go_on)?;
        if !report.is_clean() {
            return Err(Error::NotEqual { differing: report.differing() });
        }
        // Nothing of ours changes there while it is exported; what comes meanwhile waits in the journal. Whoever has asked for it
        // lets it follow again, as the phase then is.
        self.parts.sink.stop(sink::TO_FINISH);
        let exported = self.export(Drop::No, on, go_on)?;
        let then = drop.map(|database| Work::Decommission { drop: Some(database.to_owned()) });
        Ok(done(&exported, Some(Ask::Decommission), then))
    }

    fn export(&self, drop: Drop<'_>, on: &dyn Fn(Progress), go_on: &dyn Fn() -> bool) -> Result<Report, Error> {
        let (parts, settings) = (&*self.parts, self.settings());
        let (server, mapped) = (Server::new(settings)?, self.mapped()?);
        parts.archive.alone(|archive| {
            let ctx = Leave {
                archive,
                server: &server,
                mapped: &mapped,
                schema: &settings.schema,
                now: (parts.wall)(),
                part_rows: caps::BACKFILL_PART_ROWS,
                reserve_bytes: parts.room.0.bytes(),
                go_on,
                on: &|now| on(Progress { rows: now.rows, ..Progress::of(&now.table) }),
                did: &|did| tracing::debug!(?did, "decommission"),
            };
            Ok(leave::run(&ctx, drop)?)
        })
    }

    /// The tables that the mapping names, whether they are still there or not.
    pub(super) fn mapped(&self) -> Result<Vec<TableName>, Error> {
        let mapping = mapping::read(&self.mapping_file(), &self.settings().schema)?;
        Ok(mapping.tables.into_iter().map(|table| table.from).collect())
    }
}

fn done(report: &Report, ask: Option<Ask>, then: Option<Work>) -> Done {
    let (tables, folder) = (report.exported.tables.len(), &report.folder);
    let mut text = format!("{tables} tables are exported to {folder}, each read again and verified; see its report.md");
    let noted = (!report.dropped.is_empty()).then(|| format!("dropped in PostgreSQL: {}", report.dropped.join(", ")));
    match &noted {
        Some(dropped) => text += &format!("; {dropped}"),
        None if then.is_none() => text += "; nothing was dropped there",
        None => {}
    }
    Done { ask, text, is_good: true, report: serde_json::to_value(report).ok(), noted, then }
}
