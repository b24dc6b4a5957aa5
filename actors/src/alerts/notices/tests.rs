//! The bench: alerts that stand, end and come back, second by second, and what is said.

use messages::alerts::{Acknowledgement, AlertId};

use super::*;

const PACE: Pace =
    Pace { repeat_after: Duration::from_secs(1_000), window: Duration::from_secs(60), messages_per_hour: 8 };

fn at(secs: u64) -> UtcNanos {
    UtcNanos(0).after(Duration::from_secs(secs))
}

fn alert(rule: Rule, subject: &str, since: u64) -> Alert {
    Alert {
        alert_id: AlertId { rule, subject: subject.to_owned(), since: at(since).secs() },
        severity: rule.severity(),
        text: "low".to_owned(),
        opened_at: at(since),
        closed_at: None,
        acknowledged: None,
    }
}

fn seen(alert: Alert) -> Alert {
    Alert { acknowledged: Some(Acknowledgement { by: "ann".into(), why: "known".into(), at: at(1) }), ..alert }
}

/// What is looked at in a second.
#[derive(Clone, Copy)]
enum Look {
    Stands,
    Ends,
    /// Nothing is read.
    Nothing,
    /// The message before has not arrived.
    Lost,
}
use Look::{Ends, Lost, Nothing, Stands};

/// One subject, told as `text@second`.
fn story(mut notices: Notices, looks: &[(u64, Look)]) -> Vec<String> {
    let mut open = None;
    let mut said: Vec<(u64, Message)> = Vec::new();
    for (secs, look) in looks {
        let now = at(*secs);
        let mut messages = Vec::new();
        match look {
            Stands => {
                let alert = open.get_or_insert_with(|| alert(Rule::Drawdown, "paper", *secs));
                messages.extend(notices.stands(alert, now));
            }
            Ends => notices.ended(&open.take().unwrap(), now),
            Nothing => {}
            Lost => notices.undelivered(&said.last().unwrap().1, now),
        }
        messages.extend(notices.on_time(now));
        said.extend(messages.into_iter().map(|message| (*secs, message)));
    }
    said.into_iter().map(|(secs, message)| format!("{}@{secs}", message.text)).collect()
}

fn check(looks: &[(u64, Look)], expected: &[&str]) {
    assert_eq!(story(Notices::new(PACE, &[]), looks), expected);
}

#[test]
fn after_an_end_was_told_the_next_opening_is_told_at_once() {
    let looks = [(0, Stands), (10, Ends), (69, Nothing), (70, Nothing), (71, Nothing), (72, Stands)];
    check(&looks, &["low@0", "over: low@70", "low@72"]);
}

#[test]
fn one_that_comes_back_before_its_end_was_told_has_never_been_over() {
    let looks = [(0, Stands), (10, Ends), (20, Stands), (90, Stands), (1_000, Stands), (1_010, Ends), (1_070, Nothing)];
    check(&looks, &["low@0", "still: low@1000", "over: low@1070"]);
}

#[test]
fn what_did_not_arrive_is_said_anew_in_a_while() {
    check(&[(0, Stands), (20, Lost), (79, Stands), (80, Stands), (90, Stands)], &["low@0", "low@80"]);
    check(
        &[(0, Stands), (1_000, Stands), (1_020, Lost), (1_080, Stands)],
        &["low@0", "still: low@1000", "still: low@1080"],
    );
    check(
        &[(0, Stands), (10, Ends), (70, Nothing), (90, Lost), (149, Nothing), (150, Nothing), (999, Nothing)],
        &["low@0", "over: low@70", "over: low@150"],
    );
}

#[test]
fn whose_beginning_did_not_arrive_is_not_told_its_end() {
    check(&[(0, Stands), (20, Lost), (30, Ends), (90, Nothing)], &["low@0"]);
    check(&[(0, Stands), (10, Ends), (20, Lost), (90, Nothing)], &["low@0"]);
}

#[test]
fn alerts_of_the_last_process_are_said_once_unless_somebody_has_seen_them() {
    let restored = alert(Rule::Drawdown, "paper", 0);
    for (alert, expected) in [(restored.clone(), Some(Happened::StillOpen)), (seen(restored), None)] {
        let mut notices = Notices::new(PACE, std::slice::from_ref(&alert));
        assert_eq!(notices.stands(&alert, at(5)).map(|message| message.event), expected);
        assert_eq!(notices.stands(&alert, at(6)), None);
        notices.ended(&alert, at(7));
        let ends: Vec<Happened> = notices.on_time(at(67)).into_iter().map(|message| message.event).collect();
        assert_eq!(ends, [Happened::Closed], "people knew of it");
    }
}

/// How many of these are told at once.
fn told(notices: &mut Notices, rule: Rule, subjects: std::ops::Range<u32>, now: UtcNanos) -> usize {
    subjects.filter_map(|n| notices.stands(&alert(rule, &n.to_string(), 0), now)).count()
}

#[test]
fn a_quarter_of_the_hour_is_kept_for_what_is_critical() {
    let mut notices = Notices::new(PACE, &[]);
    assert_eq!(told(&mut notices, Rule::FeedGap, 0..20, at(0)), 6);
    assert_eq!(told(&mut notices, Rule::Drawdown, 0..20, at(1)), 2);
    assert_eq!(notices.held_back(), 14 + 18, "each that waits counts once");
    assert_eq!(told(&mut notices, Rule::Drawdown, 2..20, at(3_600)), 6, "with the hour room returns");
    for (per_hour, warnings) in [(1, 1), (2, 1), (3, 2), (4, 3), (20, 15)] {
        let mut notices = Notices::new(Pace { messages_per_hour: per_hour, ..PACE }, &[]);
        assert_eq!(told(&mut notices, Rule::FeedGap, 0..20, at(0)), warnings, "of {per_hour}");
    }
}

#[test]
fn ends_and_what_did_not_arrive_take_no_room() {
    let mut notices = Notices::new(PACE, &[]);
    let first = alert(Rule::Drawdown, "0", 0);
    let message = notices.stands(&first, at(0)).unwrap();
    assert_eq!(told(&mut notices, Rule::Drawdown, 1..20, at(0)), 7);
    for n in 1..8 {
        notices.ended(&alert(Rule::Drawdown, &n.to_string(), 0), at(1));
    }
    assert_eq!(notices.on_time(at(61)).len(), 7, "an hour that is full keeps no end back");
    assert_eq!(told(&mut notices, Rule::Drawdown, 20..22, at(62)), 0);
    notices.undelivered(&message, at(63));
    assert_eq!(told(&mut notices, Rule::Drawdown, 20..22, at(64)), 1);
}

#[test]
fn how_many_were_kept_back_is_said_with_the_next_message_that_arrives() {
    let mut notices = Notices::new(PACE, &[]);
    assert_eq!(told(&mut notices, Rule::Drawdown, 0..12, at(0)), 8);
    notices.ended(&alert(Rule::Drawdown, "0", 0), at(1));
    let over = notices.on_time(at(61)).pop().unwrap();
    assert_eq!(over.held_back, 4);
    notices.undelivered(&over, at(70));
    assert_eq!(notices.on_time(at(130)).pop().unwrap().held_back, 4);
    notices.ended(&alert(Rule::Drawdown, "1", 0), at(131));
    assert_eq!(notices.on_time(at(191)).pop().unwrap().held_back, 0);
}
