//! Rows of tables of theirs that left the mapping. They stand here and have nothing there to be held against; under another
//! name they would come a second time. They stay until somebody names such a table and wants it again: what the mapping says
//! of it now is nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::plan::Plan;
use super::publish::Publisher;
use super::{Again, Backfill, Error, Total, Wanted};
use crate::archive::IN_PLACE_OF;
use crate::duck::changes::{Change, Publication};
use crate::tiers::{Manifest, Piece};

/// A table of theirs, and the one of ours in which its rows stand.
type Left = (String, String);

/// The pieces of each.
fn pieces<'a>(manifest: &'a Manifest, plans: &[Plan]) -> BTreeMap<Left, Vec<&'a Arc<Piece>>> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for piece in manifest.all() {
        let Some(origin) = &piece.origin else { continue };
        if !plans.iter().any(|plan| plan.into.table == piece.table && plan.from.to_string() == origin.from) {
            found.entry((origin.from.clone(), piece.table.clone())).or_default().push(piece);
        }
    }
    found
}

/// Tables of theirs whose rows stand here and that the mapping no longer names: each with its table here, and with the rows and
/// slices of it.
#[must_use]
pub fn unmapped(manifest: &Manifest, plans: &[Plan]) -> BTreeMap<Left, Total> {
    let total = |pieces: Vec<&Arc<Piece>>| Total::of_pieces(pieces.into_iter().map(|piece| &**piece));
    pieces(manifest, plans).into_iter().map(|(of, pieces)| (of, total(pieces))).collect()
}

/// Whether it is to be taken out: it was named, and with what stands of it there.
fn is_wanted_out(wanted: &Wanted, from: &str) -> bool {
    wanted.again == Again::Whatever && wanted.tables.iter().any(|table| table.to_string() == from)
}

/// Refuses to bring rows over beside those of a table that left the mapping: they may be the same.
///
/// # Errors
/// There are such rows, and they are not to be taken out.
pub(super) fn refuse_beside(manifest: &Manifest, plans: &[Plan], wanted: &Wanted) -> Result<(), Error> {
    match unmapped(manifest, plans).into_iter().find(|((from, _), _)| !is_wanted_out(wanted, from)) {
        Some(((from, into), total)) => Err(Error::Unmapped { from, into, rows: total.rows }),
        None => Ok(()),
    }
}

/// Takes out what was named, a period in one transaction. Returns the rows.
///
/// # Errors
/// The disk, the store or DuckDB refuses; the rest goes when it is asked for again.
pub(super) fn take_out(
    ctx: &Backfill<'_>,
    manifest: &Manifest,
    wanted: &Wanted,
    publisher: &Publisher<'_>,
) -> Result<u64, Error> {
    let mut rows = 0;
    for ((from, into), pieces) in pieces(manifest, ctx.plans) {
        if !is_wanted_out(wanted, &from) {
            continue;
        }
        let mut periods = BTreeMap::<&str, Vec<Arc<Piece>>>::new();
        let in_range = |piece: &&&Arc<Piece>| {
            piece.origin.as_ref().is_some_and(|origin| origin.overlaps(&from, wanted.range.from, wanted.range.to))
        };
        for piece in pieces.iter().filter(in_range) {
            periods.entry(&piece.period).or_default().push(Arc::clone(piece));
        }
        for (period, removed) in periods {
            let parts: BTreeSet<u32> = removed.iter().map(|piece| piece.part).collect();
            let parts = parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let what = format!("{into} {period} without {from}, which left the mapping,{IN_PLACE_OF}{parts}");
            let keys = removed.iter().map(|piece| piece.key()).collect();
            tracing::warn!(table = into, from, event = "backfill_taken_out", "{what}");
            let publication = Publication { removed: keys, added: Vec::new(), source: None, what };
            ctx.archive.writer.change(Change::Publish(publication))?;
            // Their files stay for now where questions do not end.
            publisher.give_up(&removed);
            rows += removed.iter().filter_map(|piece| piece.content.as_ref()).map(|content| content.rows).sum::<u64>();
            ctx.archive.remove_replaced(&removed)?;
        }
    }
    Ok(rows)
}
