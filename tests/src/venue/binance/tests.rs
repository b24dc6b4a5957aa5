//! Signatures, limits, client ids and events as Binance documents or was recorded with them.

use std::collections::BTreeSet;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;

use super::super::face::{Asked, Face, Frame};
use super::super::standard;
use super::signing::{Key, Secret, signed_parts};
use super::*;

const NOW: UtcNanos = UtcNanos(1_786_522_906_946_000_000);

fn asked(method: &str, path: &str, query: &str) -> Asked {
    let headers = vec![("X-MBX-APIKEY".to_owned(), "key".to_owned())];
    Asked { method: method.to_owned(), path: path.to_owned(), query: query.to_owned(), headers, body: String::new() }
}

fn signed(params: &str) -> String {
    let text = format!("{params}&timestamp={}", ms_of(NOW));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, standard::SECRET.as_bytes());
    format!("{text}&signature={}", hex::encode(aws_lc_rs::hmac::sign(&key, text.as_bytes())))
}

fn ask(venue: &mut BinanceVenue, method: &str, path: &str, params: &str) -> (u16, Value) {
    let answer = venue.asked(&asked(method, path, &signed(params)), NOW);
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

#[test]
fn the_documents_signing_examples_verify() {
    let secret = Secret::Hmac("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j".to_owned());
    let key = Key { api_key: String::new(), secret, account: String::new() };
    let all = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
    let signature = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";
    let (text, found) = signed_parts("", &format!("{all}&signature={signature}"));
    assert_eq!((text.as_str(), found.as_deref()), (all, Some(signature)));
    key.verify(all, signature).unwrap();
    key.verify(all, &signature.to_uppercase()).unwrap();
    assert_eq!(key.verify(&all.replace("BUY", "SELL"), signature).unwrap_err().code, -1022);
    // Query and body follow each other without an ampersand.
    let (query, body) = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
        "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
    );
    let signature = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77";
    let (text, found) = signed_parts(query, &format!("{body}&signature={signature}"));
    key.verify(&text, &found.unwrap()).unwrap();
}

#[test]
fn an_ed25519_key_logs_on_and_hears_of_its_orders() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let mut venue = standard::binance(Some(pair.public_key().as_ref().to_vec()));
    assert!(venue.opened(1, &asked("GET", "/ws-api/v3", ""), NOW));
    let text = format!("apiKey=ed25519&timestamp={}", ms_of(NOW));
    let signature = base64::engine::general_purpose::STANDARD.encode(pair.sign(text.as_bytes()));
    let params = json!({"apiKey": "ed25519", "timestamp": ms_of(NOW), "signature": signature});
    venue.heard(1, &json!({"id": 1, "method": "session.logon", "params": params}).to_string(), NOW);
    venue.heard(1, &json!({"id": 2, "method": "userDataStream.subscribe"}).to_string(), NOW);
    let order =
        json!({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.0002", "timestamp": ms_of(NOW)});
    venue.heard(1, &json!({"id": 3, "method": "order.place", "params": order}).to_string(), NOW);
    let frames: Vec<Value> = venue
        .says(NOW)
        .into_iter()
        .filter_map(|said| match said.frame {
            Frame::Text(text) => serde_json::from_str(&text).ok(),
            _ => None,
        })
        .collect();
    assert_eq!(frames.iter().filter(|f| f["status"] == 200).count(), 3, "{frames:?}");
    let kinds: Vec<_> =
        frames.iter().filter(|f| f["event"]["e"] == "executionReport").map(|f| f["event"]["x"].clone()).collect();
    assert_eq!(kinds, ["NEW", "TRADE"]);
}

#[test]
fn reports_have_the_fields_that_were_recorded() {
    let Some(path) = crate::recording("binance/user_data_market_fill_2026.jsonl") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let mut venue = standard::binance(None);
    venue.opened(1, &asked("GET", "/ws-api/v3", ""), NOW);
    let account = standard::ACCOUNT.to_owned();
    venue.links.get_mut(&1).unwrap().subscriptions.insert(0, account);
    ask(&mut venue, "POST", "/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.0002");
    let said: Vec<Value> = venue
        .says(NOW)
        .into_iter()
        .filter_map(|said| match said.frame {
            Frame::Text(text) => serde_json::from_str(&text).ok(),
            _ => None,
        })
        .filter(|f: &Value| f["event"]["e"] == "executionReport")
        .collect();
    let recorded: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|f: &Value| f["event"]["e"] == "executionReport")
        .collect();
    assert_eq!((said.len(), recorded.len()), (2, 2));
    for (ours, theirs) in said.iter().zip(&recorded) {
        let names = |frame: &Value| frame["event"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(ours), names(theirs));
        for name in ["x", "X", "q", "p", "g", "C", "r", "l", "z", "w", "m", "M", "o", "f", "V"] {
            assert_eq!(ours["event"][name], theirs["event"][name], "{name}");
        }
    }
}

#[test]
fn a_request_costs_its_weight_and_who_goes_on_is_banned() {
    let mut venue = standard::binance(None);
    for _ in 0..75 {
        assert_eq!(ask(&mut venue, "GET", "/api/v3/openOrders", "recvWindow=5000").0, 200);
    }
    let answer = venue.asked(&asked("GET", "/api/v3/openOrders", &signed("recvWindow=5000")), NOW);
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.headers.iter().find(|(name, _)| *name == "Retry-After").unwrap().1.parse().unwrap();
    assert!((1..=60).contains(&wait));
    for _ in 0..10 {
        assert_eq!(ask(&mut venue, "GET", "/api/v3/ping", "").0, 429);
    }
    assert_eq!(ask(&mut venue, "GET", "/api/v3/ping", "").0, 418);
}

#[test]
fn orders_that_succeed_cost_no_weight_and_count_until_they_trade() {
    let mut venue = standard::binance(None);
    let place = |venue: &mut BinanceVenue, price: &str| {
        let params = format!("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price={price}");
        venue.asked(&asked("POST", "/api/v3/order", &signed(&params)), NOW)
    };
    let header = |answer: &Answer, name: &str| answer.headers.iter().find(|(n, _)| *n == name).unwrap().1.clone();
    let rests = place(&mut venue, "50000");
    assert_eq!(
        (header(&rests, "X-MBX-USED-WEIGHT-1M"), header(&rests, "X-MBX-ORDER-COUNT-10S")),
        ("0".into(), "1".into())
    );
    let fills = place(&mut venue, "60100");
    assert_eq!(header(&fills, "X-MBX-ORDER-COUNT-10S"), "1");
    let refused = place(&mut venue, "1");
    assert_eq!((refused.status, header(&refused, "X-MBX-USED-WEIGHT-1M")), (400, "1".into()));
}

#[test]
fn a_cancel_replace_that_succeeds_by_half_says_so() {
    let mut venue = standard::binance(None);
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001";
    ask(&mut venue, "POST", "/api/v3/order", &format!("{order}&price=50000&newClientOrderId=a"));
    let params = format!("{order}&price=1&cancelReplaceMode=STOP_ON_FAILURE&cancelOrigClientOrderId=a");
    let (status, error) = ask(&mut venue, "POST", "/api/v3/order/cancelReplace", &params);
    assert_eq!((status, error["code"].as_i64()), (409, Some(-2021)));
    assert_eq!(
        (&error["data"]["cancelResult"], &error["data"]["newOrderResult"]),
        (&json!("SUCCESS"), &json!("FAILURE"))
    );
    let (status, error) = ask(&mut venue, "POST", "/api/v3/order/cancelReplace", &params);
    assert_eq!((status, error["code"].as_i64()), (400, Some(-2022)));
    assert_eq!(error["data"]["newOrderResult"], "NOT_ATTEMPTED");
}

#[test]
fn an_answer_says_why_an_order_expired() {
    let mut venue = standard::binance(None);
    for (time_in_force, why) in [("IOC", "UNFILLED_IOC_QUANTITY_EXPIRED"), ("FOK", "UNFILLED_FOK_ORDER_EXPIRED")] {
        let params = format!(
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce={time_in_force}&quantity=0.001&price=50000&newClientOrderId=a"
        );
        let (_, placed) = ask(&mut venue, "POST", "/api/v3/order", &params);
        let (_, asked) = ask(&mut venue, "GET", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=a");
        for answer in [placed, asked] {
            assert_eq!((&answer["status"], &answer["expiryReason"]), (&json!("EXPIRED"), &json!(why)));
        }
    }
}

#[test]
fn an_amended_order_has_its_quantity_under_one_name() {
    let mut venue = standard::binance(None);
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=50000&newClientOrderId=a";
    ask(&mut venue, "POST", "/api/v3/order", order);
    let params = "symbol=BTCUSDT&origClientOrderId=a&newClientOrderId=b&newQty=0.0005";
    let (_, answer) = ask(&mut venue, "PUT", "/api/v3/order/amend/keepPriority", params);
    let amended = &answer["amendedOrder"];
    assert_eq!((&amended["qty"], &amended["clientOrderId"]), (&json!("0.00050000"), &json!("b")));
    assert!(amended.get("origQty").is_none(), "{amended}");
}

#[test]
fn the_listen_key_is_gone() {
    assert_eq!(ask(&mut standard::binance(None), "POST", "/api/v3/userDataStream", "a=1").0, 410);
}
