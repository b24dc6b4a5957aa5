use messages::ledger::Seq;
use proptest::prelude::*;

use super::needs::COMPARED_WITHIN_LEAST;
use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const NOW: UtcNanos = UtcNanos(1_000_000_000_000_000);
const WATERMARK: Watermark = Watermark { market: Seq(7), at: UtcNanos(5_000) };

fn facts() -> Facts {
    Facts {
        now: NOW,
        lag: Some(Duration::ZERO),
        use_duckdb: None,
        compare_every: Duration::ZERO,
        clean_for: MINUTE,
        standby_for: Duration::from_secs(3_600),
    }
}

fn clean(at: UtcNanos) -> Compared {
    Compared { at, rows: 9, differing: 0, clean_since: Some(at) }
}

fn long_ago() -> UtcNanos {
    NOW.before(Duration::from_secs(7_200))
}

fn in_phase(phase: Phase) -> Migration {
    let (at, watermark) = (long_ago(), Some(WATERMARK));
    let backfilled = Some(Backfilled { at, slices: 3, rows: 9, refused: 0, accepted: 0 });
    Migration {
        phase,
        since: at,
        watermark,
        percent: 0,
        percent_since: at,
        is_frozen: false,
        backfilled,
        compared: Some(clean(NOW)),
    }
}

fn agreed(phase: Phase) -> Migration {
    Migration { compared: Some(Compared { clean_since: Some(long_ago()), ..clean(NOW) }), ..in_phase(phase) }
}

fn refused(state: &Migration, ask: Ask, facts: &Facts, words: &[&str]) {
    let refusal = decide(state, ask, facts).expect_err("it is not to be allowed");
    let text = refusal.to_string();
    words.iter().for_each(|word| assert!(text.contains(word), "`{text}` does not say `{word}`"));
}

#[test]
fn the_whole_way_forward() {
    let mut state = Migration::default();
    let mut take = |ask, expected: Phase| {
        let next = decide(&state, ask, &facts()).unwrap_or_else(|refusal| panic!("{ask:?}: {refusal}"));
        assert_eq!(next.phase, expected, "{ask:?}");
        state = next;
    };
    take(Ask::Init(WATERMARK), Phase::DualWrite);
    take(Ask::Backfill, Phase::Backfill);
    take(Ask::BackfillDone(Backfilled { at: NOW, slices: 1, rows: 1, refused: 2, accepted: 0 }), Phase::Backfill);
    take(Ask::Compare { accept_rejects: 2 }, Phase::Compare);
    take(Ask::CompareDone(clean(long_ago())), Phase::Compare);
    take(Ask::CompareDone(clean(NOW)), Phase::Compare);
    take(Ask::Reads(10), Phase::GradualReads);
    take(Ask::Reads(100), Phase::GradualReads);
    state.percent_since = long_ago();
    let mut take = |ask, expected: Phase| {
        let next = decide(&state, ask, &facts()).unwrap_or_else(|refusal| panic!("{ask:?}: {refusal}"));
        assert_eq!(next.phase, expected, "{ask:?}");
        state = next;
    };
    take(Ask::Promote { freeze: false }, Phase::DuckdbPrimary);
    state.since = long_ago();
    let next = decide(&state, Ask::Decommission, &facts()).unwrap();
    assert_eq!((next.phase, next.writes(), next.watermark), (Phase::Decommissioned, false, Some(WATERMARK)));
}

#[test]
fn each_step_says_what_it_lacks() {
    let good = facts();
    let behind = Facts { lag: Some(Duration::from_secs(90)), ..good };
    let away = Facts { lag: None, ..good };
    let overridden = Facts { use_duckdb: Some(false), ..good };
    refused(&in_phase(Phase::DualWrite), Ask::Init(WATERMARK), &good, &["the phase is dual_write", "backfill"]);
    refused(&in_phase(Phase::DualWrite), Ask::Backfill, &behind, &["1m 30s behind", "within 5s", "status"]);
    refused(&in_phase(Phase::DualWrite), Ask::Backfill, &away, &["not known", "status"]);
    let unfinished = Migration { backfilled: None, ..in_phase(Phase::Backfill) };
    refused(&unfinished, Ask::Compare { accept_rejects: 0 }, &good, &["not come to its end", "backfill"]);
    let rejects = Backfilled { at: NOW, slices: 1, rows: 1, refused: 12, accepted: 0 };
    let rejects = Migration { backfilled: Some(rejects), ..in_phase(Phase::Backfill) };
    refused(&rejects, Ask::Compare { accept_rejects: 0 }, &good, &["12 rows", "--accept-rejects 12"]);
    refused(&rejects, Ask::Compare { accept_rejects: 13 }, &good, &["12 rows", "13 are accepted"]);
    refused(&in_phase(Phase::Compare), Ask::Reads(1), &good, &["agreed for 0", "1m are needed", "clean_for"]);
    refused(&agreed(Phase::Compare), Ask::Reads(1), &overridden, &["USE_DUCKDB=false", "PostgreSQL"]);
    refused(&agreed(Phase::Compare), Ask::Reads(101), &good, &["101", "0 to 100"]);
    let differs = Compared { at: NOW, rows: 9, differing: 3, clean_since: None };
    let differs = Migration { compared: Some(differs), ..in_phase(Phase::Compare) };
    refused(&differs, Ask::Reads(1), &good, &["3 slices", "--repair"]);
    let half = Migration { percent: 50, ..agreed(Phase::GradualReads) };
    refused(&half, Ask::Promote { freeze: false }, &good, &["50 of a hundred", "--percent 100"]);
    let fresh = Migration { percent: 100, percent_since: NOW, ..agreed(Phase::GradualReads) };
    refused(&fresh, Ask::Promote { freeze: false }, &good, &["all reads for 0", "1m are needed"]);
    let primary = Migration { since: NOW, ..agreed(Phase::DuckdbPrimary) };
    refused(&primary, Ask::Decommission, &good, &["standby for 0", "1h are needed", "standby_for"]);
    let old = Migration { compared: Some(clean(long_ago().before(MINUTE))), ..in_phase(Phase::DuckdbPrimary) };
    refused(&old, Ask::Decommission, &good, &["not compared since", "compare"]);
    refused(&in_phase(Phase::Decommissioned), Ask::Rollback, &good, &["no way leads back"]);
    refused(&Migration::default(), Ask::Rollback, &good, &["nothing before it"]);
}

#[test]
fn a_frozen_server_catches_up_before_it_answers_again() {
    let frozen = Migration { is_frozen: true, percent: 100, ..agreed(Phase::DuckdbPrimary) };
    let thawed = decide(&frozen, Ask::Rollback, &Facts { lag: None, ..facts() }).unwrap();
    assert_eq!((thawed.phase, thawed.is_frozen), (Phase::DuckdbPrimary, false));
    let behind = Facts { lag: Some(MINUTE), ..facts() };
    refused(&thawed, Ask::Rollback, &behind, &["1m behind"]);
    let back = decide(&thawed, Ask::Rollback, &facts()).unwrap();
    assert_eq!((back.phase, back.percent), (Phase::GradualReads, 100));
}

#[test]
fn a_frozen_server_that_is_thawed_is_compared_and_a_standby_anew_before_it_is_left() {
    let frozen = Migration { is_frozen: true, percent: 100, ..agreed(Phase::DuckdbPrimary) };
    assert_eq!(decide(&frozen, Ask::Decommission, &facts()).unwrap().phase, Phase::Decommissioned);
    let thawed = decide(&frozen, Ask::Rollback, &facts()).unwrap();
    refused(&thawed, Ask::Decommission, &facts(), &["a standby for 0", "1h are needed", "timescale.standby_for"]);
    let later = Facts { now: NOW.after(Duration::from_hours(1)), ..facts() };
    refused(&thawed, Ask::Decommission, &later, &["not compared since", "timescale compare`"]);
    let compared = decide(&thawed, Ask::CompareDone(clean(later.now)), &later).unwrap();
    assert_eq!(decide(&compared, Ask::Decommission, &later).unwrap().phase, Phase::Decommissioned);
    // Nor does it become a standby again, or is frozen again, by what was compared before or without what it lacks.
    let back = decide(&thawed, Ask::Rollback, &later).unwrap();
    let after = Facts { now: later.now.after(MINUTE), ..facts() };
    refused(&back, Ask::Promote { freeze: false }, &after, &["not compared since", "timescale compare`"]);
    let behind = Facts { lag: Some(MINUTE), ..later };
    refused(&thawed, Ask::Promote { freeze: true }, &behind, &["1m behind", "PostgreSQL is frozen"]);
}

#[test]
fn a_standby_is_frozen_only_where_both_sides_agree() {
    let freeze = Ask::Promote { freeze: true };
    let standby = Migration { percent: 100, ..agreed(Phase::DuckdbPrimary) };
    let frozen = decide(&standby, freeze, &facts()).unwrap();
    assert_eq!((frozen.phase, frozen.is_frozen, frozen.since), (Phase::DuckdbPrimary, true, NOW));
    let differs = Compared { at: NOW, rows: 9, differing: 3, clean_since: None };
    let differs = Migration { compared: Some(differs), ..standby.clone() };
    refused(&differs, freeze, &facts(), &["3 slices", "before PostgreSQL is frozen", "--repair"]);
    let never = Migration { compared: None, ..standby.clone() };
    refused(&never, freeze, &facts(), &["not compared since", "before PostgreSQL is frozen"]);
    let later = Facts { now: NOW.after(Duration::from_hours(25)), ..facts() };
    refused(&standby, freeze, &later, &["last compared", "before PostgreSQL is frozen"]);
}

#[test]
fn a_step_back_to_a_server_that_lacks_something_is_refused_and_any_other_is_not() {
    let away = Facts { lag: None, ..facts() };
    let behind = Facts { lag: Some(MINUTE), ..facts() };
    let lacking = |phase, words: &[&str]| {
        refused(&agreed(phase), Ask::Rollback, &behind, &[&["1m behind", "within 5s", "caught up"], words].concat());
        refused(&agreed(phase), Ask::Rollback, &away, &[&["not known", "within 5s", "status"], words].concat());
    };
    lacking(Phase::DuckdbPrimary, &["before PostgreSQL answers reads again"]);
    lacking(Phase::GradualReads, &["before PostgreSQL answers all reads again"]);
    // Before that it answers all reads already.
    let steps =
        [(Phase::Compare, Phase::Backfill), (Phase::Backfill, Phase::DualWrite), (Phase::DualWrite, Phase::Off)];
    for (phase, before) in steps {
        assert_eq!(decide(&agreed(phase), Ask::Rollback, &away).unwrap().phase, before);
    }
    refused(&Migration::default(), Ask::Rollback, &facts(), &["the phase is off", "nothing before it"]);
    let left = agreed(Phase::Decommissioned);
    refused(
        &left,
        Ask::Rollback,
        &facts(),
        &["PostgreSQL was left", "no way leads back", "export is in the cold store"],
    );
}

#[test]
fn one_comparison_that_differs_begins_the_time_anew() {
    let state = agreed(Phase::Compare);
    let bad = Compared { at: NOW, rows: 1, differing: 1, clean_since: None };
    let state = decide(&state, Ask::CompareDone(bad), &facts()).unwrap();
    assert_eq!(state.compared.and_then(|c| c.clean_since), None);
    let state = decide(&state, Ask::CompareDone(clean(NOW)), &facts()).unwrap();
    assert_eq!(state.compared.and_then(|c| c.clean_since), Some(NOW));
}

#[test]
fn a_comparison_is_worth_something_for_a_while() {
    let day = Duration::from_hours(24);
    let compared = |ago| {
        let at = NOW.before(ago);
        Migration {
            compared: Some(Compared { clean_since: Some(at.before(day)), ..clean(at) }),
            ..agreed(Phase::Compare)
        }
    };
    let second = Duration::from_secs(1);
    let check = |every: Duration, within: Duration, word: &str| {
        let facts = Facts { compare_every: every, ..facts() };
        assert!(decide(&compared(within), Ask::Reads(1), &facts).is_ok(), "{every:?}");
        refused(&compared(within + second), Ask::Reads(1), &facts, &["last compared", word, "timescale compare`"]);
    };
    check(Duration::ZERO, day, "within 1d");
    check(Duration::from_hours(1), Duration::from_hours(2), "within 2h (twice timescale.compare_every)");
    check(MINUTE, COMPARED_WITHIN_LEAST, "within 10m");
}

#[test]
fn who_begins_anew_or_backfills_again_compares_again() {
    let again = Ask::BackfillDone(Backfilled { at: NOW, slices: 1, rows: 1, refused: 0, accepted: 0 });
    let cases = [(Phase::Off, Ask::Init(WATERMARK)), (Phase::Compare, Ask::Backfill), (Phase::GradualReads, again)];
    for (phase, ask) in cases {
        assert_eq!(decide(&agreed(phase), ask, &facts()).unwrap().compared, None, "{ask:?} in {phase}");
    }
    let again = decide(&agreed(Phase::GradualReads), Ask::Backfill, &facts()).unwrap();
    refused(&again, Ask::Reads(100), &facts(), &["not compared since", "compare"]);
}

#[test]
fn who_answered_differently_agrees_anew_before_reads_move_again() {
    let half = Migration { percent: 50, ..agreed(Phase::GradualReads) };
    let slow = decide(&half, Ask::StepBack { to: 10, differed: false }, &facts()).unwrap();
    assert_eq!((slow.percent, slow.compared), (10, half.compared));
    let differed = decide(&half, Ask::StepBack { to: 10, differed: true }, &facts()).unwrap();
    assert_eq!(differed.percent, 10);
    refused(&differed, Ask::Reads(50), &facts(), &["answered a question differently", "timescale compare`"]);
    let compared = decide(&differed, Ask::CompareDone(clean(NOW)), &facts()).unwrap();
    refused(&compared, Ask::Reads(50), &facts(), &["agreed for 0", "1m are needed"]);
}

#[test]
fn who_answered_differently_while_duckdb_answers_none_agrees_anew_before_reads_move() {
    let none = Migration { percent: 0, ..agreed(Phase::GradualReads) };
    for before in [agreed(Phase::Compare), none] {
        assert!(decide(&before, Ask::Reads(1), &facts()).is_ok(), "{}", before.phase);
        let differed = decide(&before, Ask::StepBack { to: 0, differed: true }, &facts()).unwrap();
        let shape = |state: &Migration| (state.phase, state.percent, state.since, state.percent_since);
        assert_eq!(shape(&differed), shape(&before));
        refused(&differed, Ask::Reads(1), &facts(), &["answered a question differently", "timescale compare`"]);
        let again = decide(&differed, Ask::StepBack { to: 0, differed: true }, &facts()).unwrap();
        assert_eq!(again, differed, "there is nothing to write down a second time");
    }
    refused(&agreed(Phase::Compare), Ask::StepBack { to: 0, differed: false }, &facts(), &["the phase is compare"]);
}

/// A state in which a backfill done again refused more than somebody has looked at.
fn more_refused(phase: Phase) -> Migration {
    let with = |accepted| Some(Backfilled { at: NOW, slices: 1, rows: 1, refused: 2, accepted });
    let before = Migration { backfilled: with(2), ..agreed(phase) };
    let again = Ask::BackfillDone(Backfilled { at: NOW, slices: 1, rows: 1, refused: 5, accepted: 0 });
    decide(&before, again, &facts()).unwrap()
}

#[test]
fn rows_that_were_refused_later_are_accepted_by_somebody_or_reads_stay() {
    let accepted = |state: &Migration| state.backfilled.map(|done| (done.refused, done.accepted));
    for phase in [Phase::Compare, Phase::GradualReads, Phase::DuckdbPrimary] {
        let state = more_refused(phase);
        assert_eq!(accepted(&state), Some((5, 2)), "{phase}");
        assert!(next_command(&state).contains("--accept-rejects"), "{phase}");
        refused(&state, Ask::Compare { accept_rejects: 4 }, &facts(), &["5 rows", "4 are", "--accept-rejects 5"]);
        let by_itself = decide(&state, Ask::Compare { accept_rejects: 0 }, &facts()).unwrap();
        assert_eq!(by_itself, state, "{phase}");
        let looked = decide(&state, Ask::Compare { accept_rejects: 5 }, &facts()).unwrap();
        assert_eq!((looked.phase, accepted(&looked)), (phase, Some((5, 5))));
        assert!(!next_command(&looked).contains("--accept-rejects"), "{phase}");
        let fewer = Ask::BackfillDone(Backfilled { at: NOW, slices: 1, rows: 1, refused: 1, accepted: 0 });
        assert_eq!(accepted(&decide(&state, fewer, &facts()).unwrap()), Some((1, 1)), "{phase}");
    }
    // Though a comparison were to find both sides equal.
    let equal = |phase| Migration { compared: agreed(phase).compared, percent: 100, ..more_refused(phase) };
    let words = ["5 rows did not fit and 2 are accepted", "rejects/", "compare --accept-rejects 5"];
    refused(&equal(Phase::Compare), Ask::Reads(1), &facts(), &words);
    refused(&equal(Phase::GradualReads), Ask::Promote { freeze: false }, &facts(), &words);
    refused(&equal(Phase::DuckdbPrimary), Ask::Decommission, &facts(), &words);
    assert!(decide(&equal(Phase::GradualReads), Ask::Reads(10), &facts()).is_ok(), "back they go without it");
}

fn any_ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        Just(Ask::Init(WATERMARK)),
        Just(Ask::Backfill),
        (0..3u64).prop_map(|refused| {
            Ask::BackfillDone(Backfilled { at: NOW, slices: 1, rows: 1, refused, accepted: refused })
        }),
        (0..3u64).prop_map(|accept_rejects| Ask::Compare { accept_rejects }),
        any::<bool>().prop_map(|equal| {
            Ask::CompareDone(Compared { at: NOW, rows: 1, differing: u64::from(!equal), clean_since: None })
        }),
        any::<u8>().prop_map(Ask::Reads),
        (any::<u8>(), any::<bool>()).prop_map(|(to, differed)| Ask::StepBack { to, differed }),
        any::<bool>().prop_map(|freeze| Ask::Promote { freeze }),
        Just(Ask::Rollback),
        Just(Ask::Decommission),
    ]
}

proptest! {
    /// Whatever is asked in whatever order: no step is left out, the watermark never moves, and who has not agreed, or left
    /// rows behind that nobody has looked at, does not answer more.
    #[test]
    fn no_step_is_left_out(asks in proptest::collection::vec((any_ask(), any::<bool>(), 0..4u64), 1..60)) {
        let mut state = Migration::default();
        // Refused rows that somebody has looked at.
        let mut looked_at = 0;
        let mut facts = Facts { clean_for: Duration::from_secs(2), standby_for: Duration::from_secs(2), ..facts() };
        for (ask, is_level, seconds) in asks {
            facts.now = facts.now.after(Duration::from_secs(seconds));
            facts.lag = is_level.then_some(Duration::ZERO);
            let Ok(next) = decide(&state, ask, &facts) else { continue };
            prop_assert!((next.phase as i32 - state.phase as i32).abs() <= 1, "{:?} to {:?}", state.phase, next.phase);
            prop_assert!(state.watermark.is_none() || next.watermark == state.watermark);
            let more = next.phase == Phase::GradualReads && next.percent > state.percent;
            let is_clean = state.compared.is_some_and(|c| c.differing == 0);
            prop_assert!(!more || is_clean, "reads moved over and nothing had shown that the sides agree");
            let freezes = next.is_frozen && !state.is_frozen;
            prop_assert!(!freezes || is_clean, "it was frozen and nothing had shown that the sides agree");
            match ask {
                Ask::BackfillDone(done) => looked_at = done.refused.min(looked_at),
                Ask::Compare { accept_rejects } if accept_rejects > 0 || state.phase == Phase::Backfill => {
                    looked_at = accept_rejects;
                }
                _ => {}
            }
            prop_assert_eq!(next.backfilled.map_or(0, |done| done.accepted), looked_at);
            let further = next.phase > state.phase && next.phase > Phase::Compare;
            let left = next.backfilled.map_or(0, |done| done.refused);
            prop_assert!(!(more || further) || left <= looked_at, "{left} rows are behind and {looked_at} were looked at");
            prop_assert!(state.phase != Phase::Decommissioned || next.phase == Phase::Decommissioned);
            state = next;
        }
    }
}
