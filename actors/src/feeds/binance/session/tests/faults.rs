//! What the venue says at a bad moment: what is told to people stays true.

use super::*;

/// What the session says to something heard.
fn hear(session: &mut BinanceSession, heard: Heard<'_>, now: UtcNanos) -> Out {
    let mut out = Out::default();
    session.hear(heard, now, &mut out);
    out
}

fn sent(out: &Out) -> String {
    let texts =
        out.effects.iter().filter_map(|effect| if let Do::Send(_, text) = effect { Some(&**text) } else { None });
    texts.collect()
}

#[test]
fn a_venue_that_is_busy_is_asked_again_and_no_symbol_is_left_out() {
    let symbols = vec![symbol("BTCUSDT"), symbol("ETHUSDT")];
    let mut session = BinanceSession::new(Settings { symbols, ..Settings::default() }).unwrap();
    session.begin(at(0), &mut Out::default());
    let asked = sent(&hear(&mut session, Heard::Opened(Link(1)), at(10)));
    let busy = br#"{"code":0,"msg":"Internal error","id":1}"#;
    let out = hear(&mut session, Heard::Frame(Link(1), busy), at(20));
    assert!(out.effects.contains(&Do::Close(Link(1))), "{out:?}");
    let due = session.next_due().unwrap();
    hear(&mut session, Heard::Timer, due);
    assert_eq!(sent(&hear(&mut session, Heard::Opened(Link(2)), due)), asked, "all of them again");
    assert!(session.status(due).symbols.iter().all(|symbol| symbol.state != "refused"));
    // What belongs to no message of ours changes nothing.
    assert_eq!(hear(&mut session, Heard::Frame(Link(2), br#"{"code":0,"msg":"x","id":9}"#), due).effects, []);
}
