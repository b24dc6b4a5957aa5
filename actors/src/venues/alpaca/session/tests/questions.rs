//! What became of an order, as it is asked and told.

use super::*;

/// When the reports that came say that they were true.
fn times(play: &mut Play) -> Vec<UtcNanos> {
    let time = |one: &Do| if let Do::Report(report) = one { Some(report.time) } else { None };
    play.out.drain(..).filter_map(|one| time(&one)).collect()
}

#[test]
fn that_an_order_stands_is_said_of_the_time_of_the_question() {
    // Both were changed last an hour ago.
    let mut play = Play::live(&format!("[{}]", order("v1", "m-1", "new", "0", "")));
    play.out.clear();
    let listed = play.now;
    play.wait(3.0);
    play.request(&query("m-1"));
    assert_eq!(times(&mut play), [listed]);
    let asked = play.now;
    play.request(&query("m-2"));
    play.wait(2.0);
    play.answer("by_client_order_id", 200, &order("v2", "m-2", "new", "0", ""));
    assert_eq!(times(&mut play), [asked]);
}

#[test]
fn that_an_order_ended_is_said_of_the_time_of_its_end() {
    let mut play = Play::live("[]");
    play.request(&query("m-1"));
    play.answer("by_client_order_id", 200, &order("v1", "m-1", "canceled", "0", ""));
    assert_eq!(times(&mut play), ["2026-11-27T14:00:01Z".parse::<UtcNanos>().unwrap()]);
}

#[test]
fn what_is_heard_while_a_question_is_under_way_is_asked_about_once_more() {
    let mut play = Play::live("[]");
    play.out.clear();
    // A fill without its key, and then the end, of which it is not known what it leaves.
    let filled = order("v1", "m-1", "partially_filled", "4", "");
    let canceled = order("v1", "m-1", "canceled", "4", "");
    play.frame(&event("partial_fill", &filled, ""));
    play.says(&["Incomplete", "orders/v1?nested=true"]);
    play.frame(&event("canceled", &canceled, ""));
    play.frame(&event("canceled", &canceled, ""));
    play.says(&[]);
    let history = r#"[{"id":"1::e1","activity_type":"FILL","order_id":"v1","price":"100","qty":"4","cum_qty":"4","transaction_time":"2026-11-27T14:30:00Z"}]"#;
    play.answer("/v2/orders/v1", 200, &filled);
    play.answer("/activities/FILL", 200, history);
    let said = play.said();
    assert_eq!(said.last().map(String::as_str), Some("orders/v1?nested=true"), "{said:?}");
    assert!(!said.contains(&"m-1 canceled".to_owned()), "{said:?}");
    play.answer("/v2/orders/v1", 200, &canceled);
    play.answer("/activities/FILL", 200, history);
    assert_eq!(play.said().last().map(String::as_str), Some("m-1 canceled"), "and not again");
}
