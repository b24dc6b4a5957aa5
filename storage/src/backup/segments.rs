//! The journals of a backup: closed segments as they stay, and of the open one what is durable.
//!
//! Meanwhile housekeeping compresses segments, and drops the oldest: one that was compressed is found again under its
//! other name, one that was dropped makes the backup begin anew.

use std::path::Path;

use messages::ledger::Seq;

use super::create::Making;
use super::record::File;
use super::{Error, io};
use crate::journal::{self, Log, Segment};

impl Making<'_> {
    /// The segments of a log up to a record; `None` where one was compressed or dropped meanwhile.
    pub(super) fn log(&mut self, log: Log, dir: &Path, end: Seq) -> Result<Option<Vec<File>>, Error> {
        let mut segments = journal::segments(dir)?;
        segments.retain(|segment| segment.first_seq <= end.0);
        let last = segments.pop();
        let mut files = Vec::new();
        for segment in segments {
            let Some(file) = self.segment(dir, segment, |making, segment| making.closed(log, segment))? else {
                return Ok(None);
            };
            files.push(file);
        }
        if let Some(open) = last {
            let Some(file) = self.segment(dir, open, |making, segment| making.open(log, segment, end))? else {
                return Ok(None);
            };
            files.push(file);
        }
        Ok(Some(files))
    }

    /// Sends a segment; one that was compressed meanwhile is found again. `None` where it was dropped.
    fn segment(
        &mut self,
        dir: &Path,
        segment: Segment,
        send: impl Fn(&mut Self, &Segment) -> Result<Option<File>, Error>,
    ) -> Result<Option<File>, Error> {
        if let Some(file) = send(self, &segment)? {
            return Ok(Some(file));
        }
        match journal::segments(dir)?.iter().find(|again| again.first_seq == segment.first_seq) {
            Some(packed) => send(self, packed),
            None => Ok(None),
        }
    }

    /// The groups of the last segment, up to a record.
    fn open(&mut self, log: Log, segment: &Segment, end: Seq) -> Result<Option<File>, Error> {
        match journal::copy(segment, log, end, self.staging.folder()) {
            Err(error) if is_gone(&error) => Ok(None),
            copied => self.staged(log, &copied?.0),
        }
    }

    /// A segment that does not change any more. One of the market is sent as housekeeping leaves it in the end.
    fn closed(&mut self, log: Log, segment: &Segment) -> Result<Option<File>, Error> {
        if log == Log::Market && !segment.is_packed() {
            match journal::pack_to(segment, log, self.staging.folder()) {
                Ok(packed) => return self.staged(log, &packed),
                Err(error) if is_gone(&error) => return Ok(None),
                // As it is: a backup of what is left is better than none.
                Err(error @ journal::Error::Damaged { .. }) => tracing::warn!("backed up as it is: {error}"),
                Err(error) => return Err(error.into()),
            }
        }
        self.file(&format!("{log}/{}", name(&segment.path)), &segment.path)
    }

    /// Sends a file that was made for this backup.
    fn staged(&mut self, log: Log, file: &Path) -> Result<Option<File>, Error> {
        let sent = self.file(&format!("{log}/{}", name(file)), file)?;
        std::fs::remove_file(file).map_err(io("remove", file))?;
        Ok(sent)
    }
}

/// The first record that a log holds, or is to hold.
pub fn first(dir: &Path) -> Result<Seq, Error> {
    Ok(Seq(journal::segments(dir)?.first().map_or(1, |segment| segment.first_seq)))
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// That a segment was compressed or dropped between the look at its folder and its opening.
fn is_gone(error: &journal::Error) -> bool {
    matches!(error, journal::Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
}
