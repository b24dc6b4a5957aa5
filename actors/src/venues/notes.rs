//! What a venue notes, and how much of it people are told. Pure.
//!
//! Hears each note; says which of them is told, and in which words. Invariants: each is counted; the same kind about the same
//! subject is told once in an hour; of all together no more than [`caps::VENUE_NOTES_PER_HOUR`] are told in an hour, and what was
//! kept back is said with the next one that is told.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::venues::{NoteKind, VenueNote};
use messages::{UtcNanos, caps};

/// In what time notes are bounded.
const HOUR: Duration = Duration::from_secs(3_600);

/// What was noted.
#[derive(Debug, Default)]
pub(super) struct Notes {
    counts: BTreeMap<NoteKind, u64>,
    /// When each was told that was told in the last hour.
    told: BTreeMap<(NoteKind, String), UtcNanos>,
    /// Kept back since the last one that was told.
    held_back: u64,
}

impl Notes {
    /// Counts a note; its words, where it is to be told.
    pub fn take(&mut self, note: &VenueNote, now: UtcNanos) -> Option<String> {
        *self.counts.entry(note.kind).or_default() += 1;
        self.told.retain(|_, at| now < at.after(HOUR));
        let key = (note.kind, note.subject.clone());
        if self.told.contains_key(&key) || self.told.len() >= caps::VENUE_NOTES_PER_HOUR {
            self.held_back += 1;
            return None;
        }
        self.told.insert(key, now);
        let text = note.text.trim();
        let cut = &text[..text.floor_char_boundary(caps::NOTE_BYTES)];
        Some(match std::mem::take(&mut self.held_back) {
            0 => cut.to_owned(),
            others => format!("{cut} ({others} notes before it were kept back)"),
        })
    }

    /// How often each kind was noted, those that never were as well.
    pub fn counts(&self) -> Vec<(NoteKind, u64)> {
        NoteKind::ALL.iter().map(|kind| (*kind, self.counts.get(kind).copied().unwrap_or_default())).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn note(kind: NoteKind, subject: &str) -> VenueNote {
        VenueNote { kind, subject: subject.to_owned(), text: format!("{subject} is there") }
    }

    fn at(second: i64) -> UtcNanos {
        UtcNanos::from_secs(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn the_same_is_told_once_in_an_hour_and_what_was_kept_back_with_the_next() {
        let mut notes = Notes::default();
        let mut check = |kind, subject: &str, second, expected: Option<&str>| {
            assert_eq!(notes.take(&note(kind, subject), at(second)).as_deref(), expected, "{kind} {subject} {second}");
        };
        check(NoteKind::ForeignOrder, "a", 0, Some("a is there"));
        check(NoteKind::ForeignOrder, "a", 1, None);
        check(NoteKind::Unusual, "a", 2, Some("a is there (1 notes before it were kept back)"));
        check(NoteKind::ForeignOrder, "b", 3, Some("b is there"));
        check(NoteKind::ForeignOrder, "a", 3_599, None);
        check(NoteKind::ForeignOrder, "a", 3_600, Some("a is there (1 notes before it were kept back)"));
        let counts: BTreeMap<_, _> = notes.counts().into_iter().collect();
        assert_eq!((counts[&NoteKind::ForeignOrder], counts[&NoteKind::Unreadable]), (5, 0));
    }

    proptest! {
        #[test]
        fn no_storm_is_told_and_every_note_is_counted(said in prop::collection::vec((0..400u32, 0..60i64), 0..2_000)) {
            let (mut notes, mut now, mut told) = (Notes::default(), 0, Vec::new());
            for (subject, later) in &said {
                now += later;
                if notes.take(&note(NoteKind::ForeignOrder, &subject.to_string()), at(now)).is_some() {
                    told.push((now, subject));
                }
            }
            prop_assert_eq!(notes.counts().iter().map(|(_, count)| count).sum::<u64>(), said.len() as u64);
            for (n, (when, subject)) in told.iter().enumerate() {
                let hour: Vec<_> = told[..n].iter().filter(|(before, _)| when - before < 3_600).collect();
                prop_assert!(hour.len() < caps::VENUE_NOTES_PER_HOUR);
                prop_assert!(hour.iter().all(|(_, other)| other != subject));
            }
        }
    }
}
