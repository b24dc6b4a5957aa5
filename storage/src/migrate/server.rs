//! Whether a server can be left at all: its version, encoding, clock, and our rights in it. Pure: facts in, words out.

use messages::durations::format as duration;
use messages::{UtcNanos, caps, time};

use crate::postgres::catalog::Facts;

/// The oldest version whose answers are known to be read: older ones are out of their makers' support since 2023.
const OLDEST: i32 = 120_000;

/// What is in the way, each with the next step. Its clock was read between `asked` and `answered` on ours.
#[must_use]
pub fn findings(facts: &Facts, asked: UtcNanos, answered: UtcNanos) -> Vec<String> {
    let mut found = Vec::new();
    if facts.version < OLDEST {
        found.push(format!("it is PostgreSQL {}; version 12 or newer is needed: upgrade it first", facts.version_text));
    }
    if facts.encoding != "UTF8" {
        found
            .push(format!("the database is encoded in {}; dump it and load it into one in UTF8 first", facts.encoding));
    }
    if facts.is_standby {
        found.push("it is a standby, which takes no writes; name its primary in timescale.url".to_owned());
    }
    if !facts.may_create {
        let grant = "let its owner run GRANT CREATE ON DATABASE … TO this user";
        found.push(format!("this user may make no schema for the rows that merganser writes; {grant}"));
    }
    found.extend(clock(facts.now, asked, answered));
    found
}

fn clock(theirs: UtcNanos, asked: UtcNanos, answered: UtcNanos) -> Option<String> {
    let (behind, ahead) = (asked.since(theirs), theirs.since(answered));
    let (nanos, which) = if ahead > behind { (ahead, "ahead of") } else { (behind, "behind") };
    let by = std::time::Duration::from_nanos(u64::try_from(nanos).ok()?);
    let is_far = nanos > time::nanos(caps::CLOCK_DIFFERENCE);
    is_far.then(|| format!("its clock is {} {which} ours; set both by NTP", duration(by)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Facts {
        Facts {
            version: 150_018,
            version_text: "15.18".to_owned(),
            encoding: "UTF8".to_owned(),
            time_zone: "UTC".to_owned(),
            now: UtcNanos(10_000_000_000),
            is_standby: false,
            may_create: true,
            timescale: None,
        }
    }

    #[test]
    fn what_is_in_the_way_is_said() {
        fn check(facts: Facts, expected: &str) {
            let (asked, answered) = (UtcNanos(9_900_000_000), UtcNanos(10_100_000_000));
            let found = findings(&facts, asked, answered);
            match expected {
                "" => assert!(found.is_empty(), "{found:?}"),
                words => assert!(found.len() == 1 && found[0].contains(words), "{words}: {found:?}"),
            }
        }
        check(good(), "");
        check(Facts { version: 110_022, version_text: "11.22".to_owned(), ..good() }, "PostgreSQL 11.22; version 12");
        check(Facts { encoding: "SQL_ASCII".to_owned(), ..good() }, "encoded in SQL_ASCII");
        check(Facts { is_standby: true, ..good() }, "name its primary");
        check(Facts { may_create: false, ..good() }, "GRANT CREATE ON DATABASE");
        check(Facts { now: UtcNanos(12_100_000_000), ..good() }, "");
        check(Facts { now: UtcNanos(12_200_000_000), ..good() }, "2s 100ms ahead of ours");
        check(Facts { now: UtcNanos(7_900_000_000), ..good() }, "");
        check(Facts { now: UtcNanos(6_900_000_000), ..good() }, "3s behind ours");
    }
}
